# Thinks of a number from 1 to n and answers guesses with low, high or yes. The
# input is n, the number, and how many guesses are allowed.
import sys


def ends(code, why=""):
    with open(sys.argv[3] + "judgemessage.txt", "w") as message:
        message.write(why)
    sys.exit(code)


n, secret, most = map(int, open(sys.argv[1]).read().split())
print(n, flush=True)
for asked in range(most):
    try:
        guess = int(sys.stdin.readline(100))
    except ValueError:
        ends(43, "no number after %d guesses" % asked)
    print("yes" if guess == secret else "low" if guess < secret else "high", flush=True)
    if guess == secret:
        ends(42)
ends(43, "not found in %d guesses" % most)
