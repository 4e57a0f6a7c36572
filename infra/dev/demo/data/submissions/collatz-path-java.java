import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        long n = new Scanner(System.in).nextLong();
        StringBuilder path = new StringBuilder().append(n).append('\n');
        while (n != 1) {
            n = n % 2 == 0 ? n / 2 : 3 * n + 1;
            path.append(n).append('\n');
        }
        System.out.print(path);
    }
}
