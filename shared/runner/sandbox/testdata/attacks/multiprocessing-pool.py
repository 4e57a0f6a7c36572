# want: AC; cases: 2
import multiprocessing, os
left = os.listdir("/dev/shm")
open("/dev/shm/left", "w").close()
with multiprocessing.get_context("fork").Pool(2) as pool: sums = pool.map(abs, [-1, -2])
print("LEAK" if left else "ok" if sums == [1, 2] else sums)
