// want: CE; long: yes
char a[1u<<30]={1};char b[1u<<30]={1};char d[1u<<30]={1};int main(){return a[0]+b[0]+d[0];}