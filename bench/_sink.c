/* Viewers of one stream: N connections whose bytes the kernel throws away (MSG_TRUNC).
 *
 *     sink PORT PATH VIEWERS WARM_S WINDOW_S WINDOWS
 *
 * Each window prints "begin", then "end" with one object of JSON. A gap is the longest that any one
 * viewer went without a byte in a window, to the window's end. Between two looks at its sockets it
 * sleeps, as nobody else's viewers would be woken by a server's core at every send.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 1024
#define PORTS 20000 /* connections to one address, below what the kernel has ports for */
#define SETTLE 50   /* connects between two looks at what came */
#define REST_NS 100000

struct viewer { double last; char greeted; };

static struct viewer *viewers; /* by descriptor */
static struct epoll_event events[EVENTS];
static char bytes[1 << 20];
static long long total, closed, refused;
static double longest;
static int epoll;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void take(int fd, double when) {
  struct viewer *v = &viewers[fd];
  ssize_t got = recv(fd, bytes, v->greeted ? sizeof bytes : 4096, v->greeted ? MSG_TRUNC : 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    closed++;
    v->last = 0;
    close(fd);
    return;
  }
  if (!v->greeted) {
    v->greeted = 1;
    if (got < 12 || memcmp(bytes + 8, " 200", 4)) refused++;
  }
  total += got;
  if (v->last && when - v->last > longest) longest = when - v->last;
  v->last = when;
}

static void look(void) {
  int count;
  do {
    count = epoll_wait(epoll, events, EVENTS, 0);
    double when = now();
    for (int i = 0; i < count; i++) take(events[i].data.fd, when);
  } while (count == EVENTS);
}

static void watch(double end) {
  for (struct timespec rest = {.tv_nsec = REST_NS}; now() < end; nanosleep(&rest, 0)) look();
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  int port = atoi(argv[1]), count = atoi(argv[3]), windows = atoi(argv[6]);
  double warm = atof(argv[4]), length = atof(argv[5]);
  char request[512];
  int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", argv[2]);
  viewers = calloc(count + 64, sizeof *viewers);
  epoll = epoll_create1(0);
  for (int i = 0; i < count; i++) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(0x7f000001 + i / PORTS);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || fd >= count + 64) return perror("socket"), 1;
    if (connect(fd, (void *)&to, sizeof to)) { closed++; close(fd); continue; }
    send(fd, request, size, MSG_NOSIGNAL);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    viewers[fd].last = now();
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    if (i % SETTLE == 0) look();
  }
  watch(now() + warm);
  for (int window = 0; window < windows; window++) {
    puts("begin");
    fflush(stdout);
    long long before = total, gone = closed;
    double began = now(), end = began + length;
    longest = 0;
    watch(end);
    end = now();
    for (int fd = 0; fd < count + 64; fd++)
      if (viewers[fd].last && end - viewers[fd].last > longest) longest = end - viewers[fd].last;
    printf("end {\"gbit\": %.6f, \"seconds\": %.3f, \"closed\": %lld, \"closed_before\": %lld, "
           "\"refused\": %lld, \"gap_ms\": %.1f}\n",
           (total - before) * 8 / 1e9, end - began, closed - gone, gone, refused, longest * 1e3);
    fflush(stdout);
  }
  return 0;
}
