// The endpoint behind every gateway of the benchmark: canned answers at as little CPU as possible, so that what is
// measured is the gateway. HTTP/1.1 on PORT, h2c (prior knowledge) on PORT + 1; one thread, level-triggered epoll.
//
// A path that ends in "64k" is answered with 65,536 bytes, any other with 1,024 bytes of JSON. Request bodies are read
// and dropped. All answers to what one read brought leave in one send, on both protocols.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { smallBytes = 1024, largeBytes = 65536, inputBytes = 131072, outputBytes = 524288 };

// How an HTTP/1.1 request's body is being skipped.
enum bodyState { head, counted, chunkLine, chunkData, trailer };

struct connection {
    int fd;
    bool isListener, isHTTP2, waitsForRoom;
    nghttp2_session *session;
    char *output;
    size_t outputCount, outputOffset, outputCapacity;
    char *input;
    size_t inputCount, bodyLeft;
    enum bodyState state;
    bool answersLarge;
};

static char smallBody[smallBytes], largeBody[largeBytes];
static char smallAnswer[smallBytes + 512], largeAnswer[largeBytes + 512];
static size_t smallAnswerCount, largeAnswerCount;
static int poller;
static nghttp2_session_callbacks *callbacks;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void put(struct connection *c, const void *bytes, size_t count) {
    if (c->outputCount + count > c->outputCapacity) {
        c->outputCapacity = (c->outputCount + count) * 2;
        c->output = realloc(c->output, c->outputCapacity);
        if (!c->output) die("realloc");
    }
    memcpy(c->output + c->outputCount, bytes, count);
    c->outputCount += count;
}

static void waitForRoom(struct connection *c, bool waits) {
    if (c->waitsForRoom == waits) return;
    c->waitsForRoom = waits;
    struct epoll_event event = {EPOLLIN | (waits ? EPOLLOUT : 0), {.ptr = c}};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

// Sends what is queued, and what the HTTP/2 session has after it. False: the connection is lost.
static bool flush(struct connection *c) {
    for (;;) {
        if (c->isHTTP2) {
            const uint8_t *bytes;
            ssize_t count = 0;
            while (c->outputCount < outputBytes && (count = nghttp2_session_mem_send(c->session, &bytes)) > 0)
                put(c, bytes, count);
            if (count < 0) return false;
        }
        if (c->outputOffset == c->outputCount) break;
        while (c->outputOffset < c->outputCount) {
            ssize_t sent =
                send(c->fd, c->output + c->outputOffset, c->outputCount - c->outputOffset, MSG_NOSIGNAL);
            if (sent < 0) {
                if (errno != EAGAIN) return false;
                waitForRoom(c, true);
                return true;
            }
            c->outputOffset += sent;
        }
        c->outputOffset = c->outputCount = 0;
    }
    waitForRoom(c, false);
    return true;
}

// MARK: HTTP/1.1

static void answer(struct connection *c) {
    if (c->answersLarge)
        put(c, largeAnswer, largeAnswerCount);
    else
        put(c, smallAnswer, smallAnswerCount);
    c->state = head;
}

// The value of a header field, or NULL. `head` ends in an empty line.
static const char *field(const char *start, const char *end, const char *name) {
    size_t length = strlen(name);
    for (const char *line = memchr(start, '\n', end - start); line && line + 1 < end;
         line = memchr(line + 1, '\n', end - line - 1)) {
        if ((size_t)(end - line) > length + 1 && !strncasecmp(line + 1, name, length)) return line + 1 + length;
    }
    return NULL;
}

static void beginRequest(struct connection *c, const char *start, const char *end) {
    const char *line = memchr(start, '\r', end - start);
    const char *target = memchr(start, ' ', line - start);
    const char *version = memrchr(start, ' ', line - start);
    c->answersLarge = target && version - target > 3 && !memcmp(version - 3, "64k", 3);
    const char *length = field(start, end, "content-length:");
    if (length) {
        c->bodyLeft = strtoul(length, NULL, 10);
        c->state = counted;
    } else if (field(start, end, "transfer-encoding:")) {
        c->state = chunkLine;
    } else {
        answer(c);
    }
    if (c->state == counted && c->bodyLeft == 0) answer(c);
}

// Uses a piece of the input and says how many bytes it was; 0: more is needed.
static size_t step(struct connection *c, const char *bytes, size_t count) {
    const char *end;
    size_t used;
    switch (c->state) {
    case head:
        end = memmem(bytes, count, "\r\n\r\n", 4);
        if (!end) return 0;
        beginRequest(c, bytes, end + 4);
        return end + 4 - bytes;
    case counted:
    case chunkData:
        used = count < c->bodyLeft ? count : c->bodyLeft;
        c->bodyLeft -= used;
        if (c->bodyLeft == 0) {
            if (c->state == counted)
                answer(c);
            else
                c->state = chunkLine;
        }
        return used;
    case chunkLine:
    case trailer:
        end = memchr(bytes, '\n', count);
        if (!end) return 0;
        if (c->state == chunkLine) {
            c->bodyLeft = strtoul(bytes, NULL, 16);
            if (c->bodyLeft == 0)
                c->state = trailer;
            else
                c->bodyLeft += 2, c->state = chunkData;
        } else if (end - bytes <= 1) {
            answer(c);
        }
        return end + 1 - bytes;
    }
    return 0;
}

static bool receiveHTTP1(struct connection *c) {
    ssize_t count = recv(c->fd, c->input + c->inputCount, inputBytes - c->inputCount, 0);
    if (count <= 0) return count < 0 && errno == EAGAIN;
    c->inputCount += count;
    size_t offset = 0, used;
    while (offset < c->inputCount && (used = step(c, c->input + offset, c->inputCount - offset)) > 0) offset += used;
    c->inputCount -= offset;
    memmove(c->input, c->input + offset, c->inputCount);
    return c->inputCount < inputBytes;
}

// MARK: HTTP/2

static bool receiveHTTP2(struct connection *c) {
    static uint8_t bytes[inputBytes * 2];
    ssize_t count = recv(c->fd, bytes, sizeof bytes, 0);
    if (count <= 0) return count < 0 && errno == EAGAIN;
    return nghttp2_session_mem_recv(c->session, bytes, count) >= 0;
}

// A stream's user data: how far its body is, times two, plus one for the large body.
static ssize_t readBody(
    nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t length, uint32_t *flags,
    nghttp2_data_source *source, void *context) {
    (void)session, (void)stream, (void)context;
    size_t isLarge = (size_t)source->ptr & 1, offset = (size_t)source->ptr >> 1;
    size_t total = isLarge ? largeBytes : smallBytes;
    size_t count = total - offset < length ? total - offset : length;
    memcpy(buffer, (isLarge ? largeBody : smallBody) + offset, count);
    offset += count;
    source->ptr = (void *)(offset << 1 | isLarge);
    if (offset == total) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return count;
}

static int headerReceived(
    nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t nameLength,
    const uint8_t *value, size_t valueLength, uint8_t flags, void *context) {
    (void)flags, (void)context;
    if (nameLength == 5 && !memcmp(name, ":path", 5) && valueLength > 3 && !memcmp(value + valueLength - 3, "64k", 3))
        nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, (void *)1);
    return 0;
}

#define FIELD(name, value) {(uint8_t *)name, (uint8_t *)value, sizeof name - 1, sizeof value - 1, \
                            NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE}

static int frameReceived(nghttp2_session *session, const nghttp2_frame *frame, void *context) {
    (void)context;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    size_t isLarge = (size_t)nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    nghttp2_nv small[] = {FIELD(":status", "200"), FIELD("server", "upstream"),
        FIELD("date", "Sat, 21 Nov 2026 00:24:48 GMT"), FIELD("content-type", "application/json"),
        FIELD("content-length", "1024"), FIELD("last-modified", "Sat, 21 Nov 2026 00:22:21 GMT"),
        FIELD("etag", "\"6b00e43d-400\""), FIELD("accept-ranges", "bytes")};
    nghttp2_nv length = FIELD("content-length", "65536");
    if (isLarge) small[4] = length;
    nghttp2_data_provider body = {{.ptr = (void *)isLarge}, readBody};
    return nghttp2_submit_response(session, frame->hd.stream_id, small, 8, &body);
}

// MARK: The loop

static void listenOn(struct connection *c, int port, bool isHTTP2) {
    int one = 1;
    c->isListener = true;
    c->isHTTP2 = isHTTP2;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(c->fd, (void *)&address, sizeof address) || listen(c->fd, 4096)) die("bind");
    struct epoll_event event = {EPOLLIN, {.ptr = c}};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

static void acceptAll(struct connection *listener) {
    int fd, one = 1;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *c = calloc(1, sizeof *c);
        c->fd = fd;
        c->isHTTP2 = listener->isHTTP2;
        if (c->isHTTP2) {
            nghttp2_session_server_new(&c->session, callbacks, c);
            nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 512},
                {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20}};
            nghttp2_submit_settings(c->session, 0, settings, 2);
            nghttp2_session_set_local_window_size(c->session, 0, 0, 1 << 24);
        } else {
            c->input = malloc(inputBytes);
        }
        struct epoll_event event = {EPOLLIN, {.ptr = c}};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static void end(struct connection *c) {
    close(c->fd);
    nghttp2_session_del(c->session);
    free(c->output);
    free(c->input);
    free(c);
}

static void handle(struct connection *c, uint32_t events) {
    bool isAlive = true;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) isAlive = c->isHTTP2 ? receiveHTTP2(c) : receiveHTTP1(c);
    if (!isAlive || !flush(c)) end(c);
}

static void prepareAnswers(void) {
    size_t count = snprintf(smallBody, smallBytes, "{\"items\":[");
    while (count < smallBytes - 40) count += snprintf(smallBody + count, 40, "{\"id\":%zu,\"name\":\"item\"},", count);
    memset(smallBody + count, ' ', smallBytes - count);
    memcpy(smallBody + smallBytes - 6, "null]}", 6);
    for (size_t i = 0; i < largeBytes; i++) largeBody[i] = 'a' + i % 26;
    const char *head = "HTTP/1.1 200 OK\r\nServer: upstream\r\nDate: Sat, 21 Nov 2026 00:24:48 GMT\r\n"
                       "Content-Type: application/json\r\nContent-Length: %d\r\n"
                       "Last-Modified: Sat, 21 Nov 2026 00:22:21 GMT\r\nETag: \"6b00e43d-400\"\r\n"
                       "Accept-Ranges: bytes\r\n\r\n";
    smallAnswerCount = sprintf(smallAnswer, head, smallBytes);
    memcpy(smallAnswer + smallAnswerCount, smallBody, smallBytes);
    smallAnswerCount += smallBytes;
    largeAnswerCount = sprintf(largeAnswer, head, largeBytes);
    memcpy(largeAnswer + largeAnswerCount, largeBody, largeBytes);
    largeAnswerCount += largeBytes;
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: upstream PORT\n");
        return 2;
    }
    int port = atoi(arguments[1]);
    signal(SIGPIPE, SIG_IGN);
    prepareAnswers();
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, headerReceived);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameReceived);
    poller = epoll_create1(0);
    static struct connection listeners[2];
    listenOn(&listeners[0], port, false);
    listenOn(&listeners[1], port + 1, true);
    struct epoll_event events[256];
    for (;;) {
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->isListener)
                acceptAll(c);
            else
                handle(c, events[i].events);
        }
    }
}
