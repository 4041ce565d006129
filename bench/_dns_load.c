/* Asks 127.0.0.11 for a name, WINDOW questions at a time over one socket, and prints answers a second and percentiles in
   microseconds. Usage: load NAME SECONDS WINDOW */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define MOST 4000000

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  unsigned char query[512] = {0, 0, 1, 0, 0, 1};
  int length = 12;
  char *rest = argv[1];
  for (char *label; (label = strsep(&rest, ".")) != NULL;) {
    query[length++] = strlen(label);
    memcpy(query + length, label, strlen(label));
    length += strlen(label);
  }
  length++;
  query[length + 1] = 1;
  query[length + 3] = 1;
  length += 4;

  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
  inet_pton(AF_INET, "127.0.0.11", &to.sin_addr);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct timeval patience = {.tv_usec = 500000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) return 1;

  int window = atoi(argv[3]);
  double sent[65536], begin = now(), end = begin + atof(argv[2]) * 1e6;
  float *took = malloc(MOST * sizeof *took);
  long answers = 0, lost = 0;
  for (int id = 0; id < window; id++) {
    query[0] = id >> 8, query[1] = id;
    sent[id] = now();
    send(fd, query, length, 0);
  }
  while (now() < end && answers < MOST) {
    unsigned char reply[4096];
    int got = recv(fd, reply, sizeof reply, 0);
    if (got < 0) {
      /* All that were under way are lost: begin anew. */
      lost += window;
      for (int id = 0; id < window; id++) {
        query[0] = id >> 8, query[1] = id;
        sent[id] = now();
        send(fd, query, length, 0);
      }
      continue;
    }
    if (got < 12 || (reply[3] & 15) != 0 || reply[7] == 0) return 3;
    int id = reply[0] << 8 | reply[1];
    double at = now();
    took[answers++] = at - sent[id];
    query[0] = id >> 8, query[1] = id;
    sent[id] = at;
    send(fd, query, length, 0);
  }
  if (answers == 0) return 4;
  double seconds = (now() - begin) / 1e6;
  qsort(took, answers, sizeof *took, compare);
  printf("%.0f %.0f %.0f %ld\n", answers / seconds, took[answers / 2], took[answers * 99 / 100], lost);
  return 0;
}
