/* A chat completions endpoint that always gives the same answer: one thread, epoll, keep-alive. It must not be the bottleneck.

       cc -O2 -o endpoint endpoint.c && ./endpoint ANSWER_FILE LATENCY_MS

   It listens on a free port of loopback and prints the port. POST /v1/chat/completions gives the content of ANSWER_FILE, LATENCY_MS
   after the request was complete. GET /reset forgets what was counted; GET /counts tells it, in seconds of CLOCK_MONOTONIC.
   endpoint.py is the same for machines without a C compiler. A request must have a Content-Length, and waits for its answer. */

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 16384, CHUNK = 1 << 18, EVENTS = 512, MAX_FDS = 65536 };
enum path { CHAT, MODELS, RESET, COUNTS, UNKNOWN };

struct connection {
    uint32_t generation; /* tells a descriptor from an earlier one with its number */
    enum path path;
    size_t head_bytes, body_left;
    int in_body;
    char head[HEAD];
};

struct due { double at; int fd; uint32_t generation; };

static struct connection *connections[MAX_FDS];
static char chunk[CHUNK];
static char *answer;
static size_t answer_bytes;
static double latency_s;

static struct due queue[MAX_FDS]; /* a ring; the latency is constant, so the first in is the first due */
static size_t queue_first, queue_end;

static double *answered;
static size_t answers, answers_room, opened, most_waiting;
static double first_request;

static void fail(const char *what) { perror(what); exit(1); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void write_all(int fd, const char *bytes, size_t n) {
    ssize_t written = write(fd, bytes, n);
    if (written < 0 && (errno == EPIPE || errno == ECONNRESET)) return; /* the client has gone; the next read says so */
    if (written != (ssize_t)n) fail("an answer did not fit into the socket's buffer");
}

static void answer_json(int fd, const char *status, const char *body) {
    char out[4096];
    int n = snprintf(out, sizeof out, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
    write_all(fd, out, n);
}

static void answer_chat(int fd) {
    if (answers == answers_room && !(answered = realloc(answered, (answers_room = answers_room * 2 + 4096) * sizeof *answered))) fail("realloc");
    answered[answers++] = now();
    write_all(fd, answer, answer_bytes);
}

static void tell_counts(int fd) {
    char body[2048];
    int n = snprintf(body, sizeof body, "{\"answers\": %zu, \"connections\": %zu, \"most_waiting\": %zu, \"first_request_s\": %.6f, \"deciles_s\": [",
                     answers, opened, most_waiting, first_request);
    for (int i = 0; i <= 10 && answers; i++) n += snprintf(body + n, sizeof body - n, "%s%.6f", i ? ", " : "", answered[(answers - 1) * i / 10]);
    snprintf(body + n, sizeof body - n, "]}");
    answer_json(fd, "200 OK", body);
}

static void take_request(int fd, struct connection *c) {
    switch (c->path) {
    case CHAT:
        if (!first_request) first_request = now();
        if (!latency_s) { answer_chat(fd); return; }
        queue[queue_end++ % MAX_FDS] = (struct due){now() + latency_s, fd, c->generation};
        if (queue_end - queue_first > most_waiting) most_waiting = queue_end - queue_first;
        return;
    case MODELS: answer_json(fd, "200 OK", "{\"object\": \"list\", \"data\": [{\"id\": \"canned\", \"object\": \"model\"}]}"); return;
    case COUNTS: tell_counts(fd); return;
    case RESET:
        answers = opened = most_waiting = 0;
        first_request = 0;
        answer_json(fd, "200 OK", "{}");
        return;
    case UNKNOWN: answer_json(fd, "404 Not Found", "{\"error\": {\"message\": \"no such path\"}}");
    }
}

static int starts(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

static void read_head(struct connection *c) {
    char *head = c->head;
    c->path = starts(head, "POST /v1/chat/completions ") ? CHAT : starts(head, "GET /v1/models ") ? MODELS
            : starts(head, "GET /counts ") ? COUNTS : starts(head, "GET /reset ") ? RESET : UNKNOWN;
    char *length = strcasestr(head, "\r\nContent-Length:");
    c->body_left = length ? strtoul(length + 17, NULL, 10) : 0;
}

/* Take in n bytes of a connection. Gives 0 if they are no request that this endpoint understands. */
static int take(int fd, struct connection *c, const char *bytes, size_t n) {
    while (n) {
        if (!c->in_body) {
            size_t searched = c->head_bytes > 3 ? c->head_bytes - 3 : 0, room = HEAD - 1 - c->head_bytes, copied = n < room ? n : room;
            memcpy(c->head + c->head_bytes, bytes, copied);
            c->head[c->head_bytes + copied] = 0;
            char *end = strstr(c->head + searched, "\r\n\r\n");
            if (!end) {
                c->head_bytes += copied;
                return copied == n;
            }
            end[2] = 0;
            size_t used = end + 4 - c->head - c->head_bytes;
            bytes += used;
            n -= used;
            c->head_bytes = 0;
            read_head(c);
            c->in_body = 1;
        }
        size_t eaten = n < c->body_left ? n : c->body_left;
        bytes += eaten;
        n -= eaten;
        if ((c->body_left -= eaten)) return 1;
        c->in_body = 0;
        take_request(fd, c);
    }
    return 1;
}

static void hang_up(int fd) {
    connections[fd]->generation++;
    close(fd);
}

static void welcome(int listener, int poll) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MAX_FDS) { close(fd); continue; }
        if (!connections[fd] && !(connections[fd] = calloc(1, sizeof *connections[fd]))) fail("calloc");
        connections[fd]->head_bytes = connections[fd]->in_body = 0;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
        opened++;
    }
}

static void hear(int fd) {
    for (;;) {
        ssize_t n = read(fd, chunk, CHUNK);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0 || !take(fd, connections[fd], chunk, n)) { hang_up(fd); return; }
        if (n < CHUNK) return;
    }
}

/* Answer all that is due; gives the milliseconds until the next is, -1 if none waits. */
static int answer_due(void) {
    while (queue_first < queue_end) {
        struct due *next = &queue[queue_first % MAX_FDS];
        double left_s = next->at - now();
        if (left_s > 0) return (int)(left_s * 1000) + 1;
        queue_first++;
        if (connections[next->fd]->generation == next->generation) answer_chat(next->fd);
    }
    return -1;
}

static void load_answer(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) fail(path);
    size_t n = ftell(file);
    rewind(file);
    if (!(answer = malloc(n + 256))) fail("malloc");
    int head = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", n);
    if (fread(answer + head, 1, n, file) != n) fail(path);
    answer_bytes = head + n;
    fclose(file);
}

static int listen_on_loopback(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) fail("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &size)) fail("getsockname");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int argc, char **argv) {
    if (argc != 3) { fprintf(stderr, "usage: endpoint ANSWER_FILE LATENCY_MS\n"); return 2; }
    load_answer(argv[1]);
    latency_s = atof(argv[2]) / 1000;
    struct rlimit files;
    if (!getrlimit(RLIMIT_NOFILE, &files)) { files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files); }
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_on_loopback(), poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event)) fail("epoll");
    for (;;) {
        int n = epoll_wait(poll, events, EVENTS, answer_due());
        if (n < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < n; i++) events[i].data.fd == listener ? welcome(listener, poll) : hear(events[i].data.fd);
    }
}
