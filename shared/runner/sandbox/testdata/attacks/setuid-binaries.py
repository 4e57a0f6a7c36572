# want: AC
import subprocess,re
s=open("/proc/self/status").read()
print("ok" if re.search(r"NoNewPrivs:\s1",s) else "LEAK no_new_privs is off")