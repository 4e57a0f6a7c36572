# want: AC
import os
mine=os.getpid()
p=[x for x in os.listdir("/proc") if x.isdigit()] if os.path.isdir("/proc") else []
print("ok" if len(p)<=3 else "LEAK %d processes"%len(p))