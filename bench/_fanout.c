/* The least that a server of one live stream can do: the same chunk to every viewer, every tick.
 *
 *     fanout PORT CHUNK_BYTES TICK_MS
 *
 * One thread, one send() a viewer a tick, epoll for whom the kernel is full; an HTTP head first.
 * With a tick of 0 it sends whenever a socket takes more.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 1024
#define DESCRIPTORS 65536

struct viewer { int left; char follows, waits; };

static const char HEAD[] =
    "HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n";
static struct viewer viewers[DESCRIPTORS];
static struct epoll_event events[EVENTS];
static int followers[DESCRIPTORS], followed, size, epoll;
static char *chunk;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void watch(int fd, int what) {
  struct epoll_event event = {.events = what, .data.fd = fd};
  epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

static void push(int fd) {
  struct viewer *v = &viewers[fd];
  ssize_t sent = send(fd, chunk + size - v->left, v->left, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0) v->left -= sent;
  int waits = v->left > 0;
  if (waits != v->waits) watch(fd, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
  v->waits = waits;
}

static void greet(int fd, int always) {
  char request[4096];
  ssize_t got = recv(fd, request, sizeof request, MSG_DONTWAIT);
  if (got > 0 && !viewers[fd].follows) {
    send(fd, HEAD, sizeof HEAD - 1, MSG_NOSIGNAL);
    viewers[fd].follows = 1;
    followers[followed++] = fd;
    if (always) watch(fd, EPOLLIN | EPOLLOUT);
  } else if (got == 0) {
    for (int i = 0; i < followed; i++)
      if (followers[i] == fd) { followers[i] = followers[--followed]; break; }
    close(fd);
  }
}

static void welcome(int door) {
  for (int fd; (fd = accept4(door, 0, 0, SOCK_NONBLOCK)) >= 0;) {
    viewers[fd] = (struct viewer){0};
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

static void serve(int door, int always, int wait_ms) {
  int count = epoll_wait(epoll, events, EVENTS, wait_ms);
  for (int i = 0; i < count; i++) {
    int fd = events[i].data.fd;
    if (fd == door) { welcome(door); continue; }
    if (events[i].events & EPOLLOUT) {
      if (always) {
        if (!viewers[fd].left) viewers[fd].left = size;
        viewers[fd].waits = 1;
        ssize_t sent = send(fd, chunk, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;
      } else if (viewers[fd].left) push(fd);
    }
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) greet(fd, always);
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  size = atoi(argv[2]);
  double tick = atof(argv[3]) / 1e3, due = now() + tick;
  chunk = malloc(size);
  for (int i = 0; i < size; i++) chunk[i] = i * 31;
  int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  if (bind(door, (void *)&at, sizeof at) || listen(door, 4096)) return perror("listen"), 1;
  epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = door};
  epoll_ctl(epoll, EPOLL_CTL_ADD, door, &event);
  for (;;) {
    if (tick == 0) { serve(door, 1, 100); continue; }
    double left = due - now();
    serve(door, 0, left > 0 ? (int)(left * 1e3) + 1 : 0);
    if (now() < due) continue;
    due += tick;
    for (int i = 0; i < followed; i++) {
      struct viewer *v = &viewers[followers[i]];
      if (v->left) continue; /* full: this one loses a chunk, nobody waits for it */
      v->left = size;
      push(followers[i]);
    }
  }
}
