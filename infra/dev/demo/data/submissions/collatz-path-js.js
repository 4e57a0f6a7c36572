let n = BigInt(require("fs").readFileSync(0, "utf8").trim());
const path = [n];
while (n !== 1n) {
  n = n % 2n === 0n ? n / 2n : 3n * n + 1n;
  path.push(n);
}
console.log(path.join("\n"));
