# want: AC
import a, sys
print("LEAK" if any("-packages" in p for p in sys.path) else a.x)
exit() if quit else 3
