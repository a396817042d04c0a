#pragma once
// What Swift's Glibc module leaves out: epoll (its event struct is packed) and what glibc hides without _GNU_SOURCE.
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#ifndef __USE_GNU
extern int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);
extern int sched_getaffinity(int pid, size_t bytes, void *mask);
#endif

static inline int gatehouse_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event;
    event.events = events;
    event.data.u64 = data;
    return epoll_ctl(epoll, operation, fd, &event);
}
static inline uint64_t gatehouse_epoll_data(const struct epoll_event *events, int index) {
    return events[index].data.u64;
}
static inline uint32_t gatehouse_epoll_events(const struct epoll_event *events, int index) {
    return events[index].events;
}
