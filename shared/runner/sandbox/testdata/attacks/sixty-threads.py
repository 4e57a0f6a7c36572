# want: AC; time: 3000
import threading, time
t = [threading.Thread(target=time.sleep, args=(.1,)) for _ in range(60)]
[x.start() for x in t]; [x.join() for x in t]
print("ok")
