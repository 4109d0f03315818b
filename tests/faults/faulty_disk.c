/* A disk that fails at one operation: preloaded into a process, whose C library it stands before.

An operation is a call that changes files under a folder: open for writing, write, flush, sync,
truncate, rename, remove, make a folder, close. Each has a number. At the chosen number the call
fails with an error of the system, writes a part only, or the process ends as by a power cut. Or each
operation waits until another process has seen the folder, unless only a temporary file grew since.
Buffered writes of the C library are kept as they are, so that their errors come at a flush, a seek
or the end, as on a real disk; what was buffered is then lost. Processes that are forked afterwards
count together. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ONCE, PART_ONLY, FULL, KILL, WAIT };

static char root[PATH_MAX];
static size_t root_length;
static long chosen;
static int manner, error_number, log_file = -1;

/* What all processes share. */
static struct {
    pthread_mutex_t lock;
    long count;
    int is_changed;
} *shared;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL_OR(call) (is_failing ? (errno = error_number, -1) : (call))

/* Begin to count operations under a folder; operation `at` fails, none if it is 0. */
void disk_start(const char *folder, long at, int how, int error, int log) {
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    chosen = at, manner = how, error_number = error, log_file = log;
    pthread_mutexattr_t between_processes;
    pthread_mutexattr_init(&between_processes);
    pthread_mutexattr_setpshared(&between_processes, PTHREAD_PROCESS_SHARED);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutex_init(&shared->lock, &between_processes);
    shared->count = 0, shared->is_changed = 1;
}

static int is_inside(const char *path) {
    return root_length && !strncmp(path, root, root_length) &&
           (path[root_length] == '/' || !path[root_length]);
}

/* The full path of a name, relative to a folder that is open as `at`. */
static void full_path(int at, const char *name, char *path) {
    char link[64];
    path[0] = 0;
    if (!name || name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name ? name : "");
    } else if (at == AT_FDCWD) {
        if (getcwd(path, PATH_MAX / 2)) snprintf(path + strlen(path), PATH_MAX / 2, "/%s", name);
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t length = readlink(link, path, PATH_MAX / 2);
        snprintf(path + (length > 0 ? length : 0), PATH_MAX / 2, "/%s", name);
    }
}

/* The path of an open file; empty if it is open for reading, unless `any` file is wanted. */
static void path_of(int file, int any, char *path) {
    char link[64];
    int mode = (int)syscall(SYS_fcntl, file, F_GETFL, 0);
    ssize_t length = -1;
    if (mode >= 0 && (any || (mode & O_ACCMODE) != O_RDONLY)) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        length = readlink(link, path, PATH_MAX - 1);
    }
    path[length > 0 ? length : 0] = 0;
}

/* Whether an operation leaves all names as they are, and the content of all but temporary files. */
static int changes_nothing_seen(const char *name, const char *path) {
    static const char *const CONTENT[] = {"write", "seek", "flush", "close", "sync", "truncate"};
    size_t number = 0;
    int is_temporary = strstr(path, ".part/") || (strstr(path, ".unfinished/") && strstr(path, ".part"));
    while (number < 6 && strcmp(name, CONTENT[number])) number++;
    return is_temporary && number < 6;
}

/* Count an operation; return whether it is to fail. `grows` if it takes space on the disk. */
static int fails(const char *name, const char *path, int grows) {
    if (!is_inside(path)) return 0;
    char line[PATH_MAX + 64];
    pthread_mutex_lock(&shared->lock);
    long number = ++shared->count;
    if (log_file >= 0) {
        int waits = manner == WAIT && shared->is_changed;
        int length = snprintf(line, sizeof line, "%d %s %s", waits, name, path + root_length);
        syscall(SYS_write, log_file, line, length);
        if (waits) syscall(SYS_read, log_file, line, 1);
        shared->is_changed = !changes_nothing_seen(name, path);
    }
    pthread_mutex_unlock(&shared->lock);
    if (manner == KILL && number == chosen) kill(getpid(), SIGKILL);
    return chosen && (manner == FULL ? grows && number >= chosen : number == chosen);
}

static int fails_at(const char *name, int at, const char *file, int grows) {
    char path[PATH_MAX];
    int before = errno;
    full_path(at, file, path);
    errno = before;
    return fails(name, path, grows);
}

static int fails_on(const char *name, int file, int grows) {
    char path[PATH_MAX];
    int before = errno;
    path_of(file, !strcmp(name, "sync"), path);
    errno = before;
    return path[0] && fails(name, path, grows);
}

/* What a failing write writes: nothing, or the first half. */
static ssize_t written(ssize_t size) { return manner == PART_ONLY && size > 1 ? size / 2 : -1; }

#define OPEN(name, at, head, ...)                                                                 \
    int name head {                                                                               \
        mode_t mode = 0;                                                                          \
        if (flags & (O_CREAT | O_TMPFILE)) {                                                      \
            va_list rest;                                                                         \
            va_start(rest, flags);                                                                \
            mode = va_arg(rest, mode_t);                                                          \
            va_end(rest);                                                                         \
        }                                                                                         \
        int is_failing = (flags & O_ACCMODE) != O_RDONLY && fails_at("open", at, path, 1);        \
        return FAIL_OR(REAL(name)(__VA_ARGS__, flags, mode));                                     \
    }
OPEN(open, AT_FDCWD, (const char *path, int flags, ...), path)
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), path)
OPEN(openat, at, (int at, const char *path, int flags, ...), at, path)
OPEN(openat64, at, (int at, const char *path, int flags, ...), at, path)

#define FOPEN(name)                                                                               \
    FILE *name(const char *path, const char *mode) {                                              \
        if (strpbrk(mode, "wa+") && fails_at("open", AT_FDCWD, path, 1)) {                        \
            errno = error_number;                                                                 \
            return NULL;                                                                          \
        }                                                                                         \
        return REAL(name)(path, mode);                                                            \
    }
FOPEN(fopen)
FOPEN(fopen64)

ssize_t write(int file, const void *data, size_t size) {
    if (!fails_on("write", file, 1)) return REAL(write)(file, data, size);
    if (written(size) > 0) return REAL(write)(file, data, written(size));
    errno = error_number;
    return -1;
}

#define PWRITE(name, offset_type)                                                                 \
    ssize_t name(int file, const void *data, size_t size, offset_type offset) {                   \
        if (!fails_on("write", file, 1)) return REAL(name)(file, data, size, offset);             \
        if (written(size) > 0) return REAL(name)(file, data, written(size), offset);              \
        errno = error_number;                                                                     \
        return -1;                                                                                \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int file, const struct iovec *parts, int number) {
    int is_failing = fails_on("write", file, 1);
    return FAIL_OR(REAL(writev)(file, parts, number));
}

ssize_t sendfile(int to, int from, off_t *offset, size_t size) {
    int is_failing = fails_on("write", to, 1);
    return FAIL_OR(REAL(sendfile)(to, from, offset, size));
}

ssize_t sendfile64(int to, int from, off64_t *offset, size_t size) {
    int is_failing = fails_on("write", to, 1);
    return FAIL_OR(REAL(sendfile64)(to, from, offset, size));
}

ssize_t copy_file_range(int from, off64_t *in, int to, off64_t *out, size_t size, unsigned flags) {
    int is_failing = fails_on("write", to, 1);
    return FAIL_OR(REAL(copy_file_range)(from, in, to, out, size, flags));
}

size_t fwrite(const void *data, size_t size, size_t number, FILE *file) {
    if (!fails_on("write", fileno(file), 1)) return REAL(fwrite)(data, size, number, file);
    size_t half = written(size * number) > 0 ? written(size * number) / (size ? size : 1) : 0;
    half = REAL(fwrite)(data, size, half, file);
    errno = error_number;
    return half;
}

/* A flush of what is buffered: that is lost where it fails. */
static int loses(const char *name, FILE *file) {
    if (!file || !__fpending(file) || !fails_on(name, fileno(file), 1)) return 0;
    __fpurge(file);
    return 1;
}

int fflush(FILE *file) {
    int is_failing = loses("flush", file);
    return FAIL_OR(REAL(fflush)(file));
}

int fclose(FILE *file) {
    int is_failing = loses("close", file);
    int result = REAL(fclose)(file);
    return FAIL_OR(result);
}

#define SEEK(name, offset_type)                                                                   \
    int name(FILE *file, offset_type offset, int from) {                                          \
        int is_failing = loses("seek", file);                                                     \
        return FAIL_OR(REAL(name)(file, offset, from));                                           \
    }
SEEK(fseek, long)
SEEK(fseeko, off_t)
SEEK(fseeko64, off64_t)

int close(int file) {
    int is_failing = fails_on("close", file, 0);
    int result = REAL(close)(file);
    return FAIL_OR(result);
}

#define ON_FILE(name, label, grows, head, ...)                                                    \
    int name head {                                                                               \
        int is_failing = fails_on(label, file, grows);                                            \
        return FAIL_OR(REAL(name)(__VA_ARGS__));                                                  \
    }
ON_FILE(fsync, "sync", 0, (int file), file)
ON_FILE(fdatasync, "sync", 0, (int file), file)
ON_FILE(ftruncate, "truncate", 1, (int file, off_t size), file, size)
ON_FILE(ftruncate64, "truncate", 1, (int file, off64_t size), file, size)
ON_FILE(fallocate, "allocate", 1, (int file, int mode, off_t at, off_t size), file, mode, at, size)
ON_FILE(fallocate64, "allocate", 1, (int file, int mode, off64_t at, off64_t size), file, mode, at,
        size)

#define ON_PATH(name, label, at, path, grows, head, ...)                                          \
    int name head {                                                                               \
        int is_failing = fails_at(label, at, path, grows);                                        \
        return FAIL_OR(REAL(name)(__VA_ARGS__));                                                  \
    }
ON_PATH(rename, "rename", AT_FDCWD, from, 0, (const char *from, const char *to), from, to)
ON_PATH(renameat, "rename", at, from, 0, (int at, const char *from, int there, const char *to), at,
        from, there, to)
ON_PATH(renameat2, "rename", at, from, 0,
        (int at, const char *from, int there, const char *to, unsigned flags), at, from, there, to,
        flags)
ON_PATH(link, "link", AT_FDCWD, to, 1, (const char *from, const char *to), from, to)
ON_PATH(unlink, "remove", AT_FDCWD, path, 0, (const char *path), path)
ON_PATH(unlinkat, "remove", at, path, 0, (int at, const char *path, int flags), at, path, flags)
ON_PATH(remove, "remove", AT_FDCWD, path, 0, (const char *path), path)
ON_PATH(rmdir, "remove", AT_FDCWD, path, 0, (const char *path), path)
ON_PATH(mkdir, "mkdir", AT_FDCWD, path, 1, (const char *path, mode_t mode), path, mode)
ON_PATH(mkdirat, "mkdir", at, path, 1, (int at, const char *path, mode_t mode), at, path, mode)
