# want: AC
import re
s=open("/proc/self/status").read()
v=[re.search(k+r":\s(\w+)",s).group(1) for k in ("CapEff","CapPrm","CapInh","CapAmb")]
print("ok" if all(int(x,16)==0 for x in v) else "LEAK "+str(v))