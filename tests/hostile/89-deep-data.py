# expect: any
deep = []
for _ in range(200_000):
    deep = [deep]
deep
