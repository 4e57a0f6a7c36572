// want: CE; long: yes
constexpr long f(long n){long s=0;for(long i=0;i<n;i++)for(long j=0;j<n;j++)s+=i^j;return s;}
constexpr long x=f(1<<20);
int main(){return x&1;}