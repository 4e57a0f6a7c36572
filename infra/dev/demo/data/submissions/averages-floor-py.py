for _ in range(int(input())):
    size, *numbers = map(int, input().split())
    print(sum(numbers) // size if size else "none")
