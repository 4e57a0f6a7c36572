# want: AC
import a
print(a.x)