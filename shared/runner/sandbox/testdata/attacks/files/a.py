x="ok"
