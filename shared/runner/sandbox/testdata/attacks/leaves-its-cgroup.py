# want: AC
import os,glob
n=[]
for p in glob.glob("/sys/fs/cgroup/*/cgroup.procs")+glob.glob("/sys/fs/cgroup/cgroup.procs"):
  try: open(p,"w").write(str(os.getpid())); n.append(p)
  except OSError: pass
print("LEAK "+str(n) if n else "ok")