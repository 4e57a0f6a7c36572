# want: AC; time: 3000
import subprocess,threading
t=threading.Thread(target=lambda:None);t.start();t.join()
print(subprocess.run(["/bin/echo","ok"],capture_output=True,text=True).stdout,end="")