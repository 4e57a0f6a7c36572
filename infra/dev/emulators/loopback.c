// Preloaded into programs that listen on every address of the machine and have no option for it: bind(2) to the
// wildcard address is bind to loopback. 127.0.0.1 in the form that a socket of both families takes: Java opens those.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>

int bind(int fd, const struct sockaddr *address, socklen_t size) {
  int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
  if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
    struct sockaddr_in to = *(const struct sockaddr_in *)address;
    if (to.sin_addr.s_addr == htonl(INADDR_ANY)) to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return next(fd, (struct sockaddr *)&to, sizeof to);
  }
  if (address->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
    struct sockaddr_in6 to = *(const struct sockaddr_in6 *)address;
    static const unsigned char loopback[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    if (IN6_IS_ADDR_UNSPECIFIED(&to.sin6_addr)) memcpy(&to.sin6_addr, loopback, sizeof loopback);
    return next(fd, (struct sockaddr *)&to, sizeof to);
  }
  return next(fd, address, size);
}
