/* Stands between a process and its disk: loaded with LD_PRELOAD, it writes down every change below
 * one directory in the order in which it happened, and makes chosen calls fail.
 *
 *   DISK_DIR    the directory, absolute
 *   DISK_TRACE  the file for the record, elsewhere
 *   DISK_FAULT  optional: "KIND FIRST COUNT ERRNO": from the FIRST call of a kind (write or sync)
 *               on, COUNT calls fail; the first failing write is a short one. Calls are counted
 *               from 1, from when the process opens DISK_TRACE itself.
 *
 * What a power cut would leave of the changes is worked out from the record (trace.rs). One lock
 * is held from before a change until after its line is written, so the order is the true one.
 *
 * A record: kind u8 | a u64 | b u64 | length u32 | bytes, in the machine's own order.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(type, name, ...)                                  \
    static type (*real)(__VA_ARGS__);                          \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char dir[PATH_MAX];
static int trace = -1;
static struct { char kind[8]; long first, count; int error; } fault;
static int armed;
static long calls[2]; /* writes, syncs */

static ssize_t real_write(int fd, const void *bytes, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return real(fd, bytes, size);
}

__attribute__((constructor)) static void start(void) {
    const char *at = getenv("DISK_DIR"), *to = getenv("DISK_TRACE"), *plan = getenv("DISK_FAULT");
    if (!at || !to) return;
    if (plan && sscanf(plan, "%7s %ld %ld %d", fault.kind, &fault.first, &fault.count,
                       &fault.error) != 4)
        abort();
    trace = open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (trace < 0) abort();
    snprintf(dir, sizeof dir, "%s/", at);
    armed = 0;
}

static int below(const char *path) { return *dir && !strncmp(path, dir, strlen(dir)); }

/* Whether a descriptor is a file or directory below the directory, or that itself. */
static int watched(int fd, char path[PATH_MAX]) {
    char link[64];
    if (!*dir) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, PATH_MAX - 2);
    if (size < 0) return 0;
    path[size] = 0;
    return below(path) || (strlen(path) + 1 == strlen(dir) && !strncmp(path, dir, size));
}

static void note(char kind, uint64_t a, uint64_t b, const void *bytes, uint32_t size) {
    size_t head = 1 + 8 + 8 + 4;
    char *line = malloc(head + size);
    if (!line) abort();
    line[0] = kind;
    memcpy(line + 1, &a, 8);
    memcpy(line + 9, &b, 8);
    memcpy(line + 17, &size, 4);
    memcpy(line + head, bytes, size);
    if (real_write(trace, line, head + size) != (ssize_t)(head + size)) abort();
    free(line);
}

static void note_path(char kind, uint64_t a, const char *path) {
    note(kind, a, 0, path, strlen(path));
}

static uint64_t number_of(int fd) {
    struct stat found;
    if (fstat(fd, &found)) abort();
    return found.st_ino;
}

static int is_dir(int fd) {
    struct stat found;
    return !fstat(fd, &found) && S_ISDIR(found.st_mode);
}

/* The how-manieth failing call this one is, from 1; 0 if it is to succeed. */
static long failing(const char *kind) {
    if (!armed) return 0;
    long call = ++calls[kind[0] == 's'];
    if (strcmp(fault.kind, kind) || call < fault.first || call >= fault.first + fault.count)
        return 0;
    return call - fault.first + 1;
}

/* --- files: writing, truncating, syncing --- */

static ssize_t write_at(int fd, const void *bytes, size_t size, off_t offset, int moves) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    long failure = failing("write");
    if (failure == 1 && size > 1) {
        size /= 2;
    } else if (failure) {
        errno = fault.error;
        return -1;
    }
    ssize_t done = real(fd, bytes, size, offset);
    if (done > 0) {
        note('W', number_of(fd), offset, bytes, done);
        if (moves) lseek(fd, offset + done, SEEK_SET);
    }
    return done;
}

static off_t end_or_position(int fd) {
    return lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t size) {
    char path[PATH_MAX];
    if (!watched(fd, path)) return real_write(fd, bytes, size);
    pthread_mutex_lock(&lock);
    ssize_t done = write_at(fd, bytes, size, end_or_position(fd), 1);
    pthread_mutex_unlock(&lock);
    return done;
}

/* A short write is allowed: the first part only. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    char path[PATH_MAX];
    if (!watched(fd, path)) return real(fd, parts, count);
    for (int part = 0; part < count; part++)
        if (parts[part].iov_len) return write(fd, parts[part].iov_base, parts[part].iov_len);
    return 0;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    char path[PATH_MAX];
    if (!watched(fd, path)) return real(fd, bytes, size, offset);
    pthread_mutex_lock(&lock);
    ssize_t done = write_at(fd, bytes, size, offset, 0);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
    return pwrite64(fd, bytes, size, offset);
}

int ftruncate64(int fd, off64_t length) {
    REAL(int, "ftruncate64", int, off64_t);
    char path[PATH_MAX];
    if (!watched(fd, path)) return real(fd, length);
    pthread_mutex_lock(&lock);
    int result = real(fd, length);
    if (!result) note('T', number_of(fd), length, "", 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* The record alone says what is durable, so nothing is really synced: it saves the time. */
static int sync_of(int fd, int (*real)(int)) {
    char path[PATH_MAX];
    if (!watched(fd, path)) return real(fd);
    pthread_mutex_lock(&lock);
    int failure = failing("sync") != 0;
    if (is_dir(fd)) {
        if (!failure) note_path('Y', 0, path);
    } else {
        note(failure ? 'F' : 'S', number_of(fd), 0, "", 0);
    }
    pthread_mutex_unlock(&lock);
    if (failure) errno = fault.error;
    return failure ? -1 : 0;
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    return sync_of(fd, real);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    return sync_of(fd, real);
}

/* --- names --- */

static int open_at(int at, const char *path, int flags, mode_t mode) {
    REAL(int, "openat64", int, const char *, int, ...);
    if (!below(path)) {
        const char *to = getenv("DISK_TRACE");
        if (to && !strcmp(path, to)) armed = 1;
        return real(at, path, flags, mode);
    }
    pthread_mutex_lock(&lock);
    int existed = !access(path, F_OK);
    int fd = real(at, path, flags, mode);
    if (fd >= 0 && !existed) note_path('C', number_of(fd), path);
    if (fd >= 0 && existed && flags & O_TRUNC) note('T', number_of(fd), 0, "", 0);
    pthread_mutex_unlock(&lock);
    return fd;
}

static mode_t mode_of(int flags, va_list rest) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name)                                     \
    int name(const char *path, int flags, ...) {       \
        va_list rest;                                  \
        va_start(rest, flags);                         \
        mode_t mode = mode_of(flags, rest);            \
        va_end(rest);                                  \
        return open_at(AT_FDCWD, path, flags, mode);   \
    }
#define OPENAT(name)                                       \
    int name(int at, const char *path, int flags, ...) {   \
        va_list rest;                                      \
        va_start(rest, flags);                             \
        mode_t mode = mode_of(flags, rest);                \
        va_end(rest);                                      \
        return open_at(at, path, flags, mode);             \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    if (!below(path)) return real(path, mode);
    pthread_mutex_lock(&lock);
    int result = real(path, mode);
    if (!result) note_path('D', 0, path);
    pthread_mutex_unlock(&lock);
    return result;
}

int renameat(int from_at, const char *from, int to_at, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *);
    if (!below(from) && !below(to)) return real(from_at, from, to_at, to);
    pthread_mutex_lock(&lock);
    int result = real(from_at, from, to_at, to);
    if (!result) {
        char both[2 * PATH_MAX];
        snprintf(both, sizeof both, "%s\n%s", from, to);
        note_path('R', 0, both);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int unlinkat(int at, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    if (!below(path)) return real(at, path, flags);
    pthread_mutex_lock(&lock);
    int result = real(at, path, flags);
    if (!result) note_path('U', 0, path);
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
