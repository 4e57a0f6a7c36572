# want: AC; cases: 3
import os
os.mkdir("d"); open("d/f", "w").close(); os.chmod("d", 0)
os.mkdir("/tmp/d"); os.chmod("/tmp/d", 0)
print("ok")
