/* A disk that fails and loses writes below one folder: loaded into a process by LD_PRELOAD.

   This library sits between a program and the C library. It counts every call that changes or reads files below the
   folder, may make it fail, and writes it to a log from which replay.py can rebuild the folder as it was at any moment.
   Python, SQLite, DuckDB and Arrow all call the C library. Writes to mapped memory are not seen; only SQLite makes any,
   to its -shm files. Nothing is counted before ``fault_arm``. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITES = 1, READS = 2 };
/* The codes of the log; replay.py has the same. */
enum { OPEN = 1, CLOSE, DUP, WRITE, TRUNCATE, TRUNCATE_PATH, MKDIR, RENAME, LINK, SYMLINK, UNLINK, RMDIR, FSYNC };

#define MOST_FILES 65536
static char folder[4096];
static size_t folder_length;
static int armed, kind, once, error, log_file = -1;
static long at, writes, reads, failed;
static unsigned char ours[MOST_FILES];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name); real; })
#define LOCK pthread_mutex_lock(&mutex)
#define UNLOCK pthread_mutex_unlock(&mutex)

static void unlocked(void) { pthread_mutex_init(&mutex, NULL); }

__attribute__((constructor)) static void begin(void) { pthread_atfork(NULL, NULL, unlocked); }

/* Begin to count: the ``moment``-th call of ``which`` below ``path`` fails with ``number``, and so does every later one
   unless ``one``; no call fails if ``moment`` is 0. Calls that succeed are written to ``log`` unless that is empty. */
void fault_arm(const char *path, int which, long moment, int one, int number, const char *log) {
  snprintf(folder, sizeof folder, "%s", path);
  folder_length = strlen(folder);
  kind = which, at = moment, once = one, error = number, writes = reads = failed = 0;
  log_file = *log ? (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600) : -1;
  armed = 1;
}

/* How many calls there were of each kind, and how many of them were made to fail. */
void fault_counts(long counts[3]) { counts[0] = writes, counts[1] = reads, counts[2] = failed; }

static int refused(int which) {
  long *counted = which == WRITES ? &writes : &reads;
  ++*counted;
  if (which != kind || !at || *counted < at || (once && *counted > at)) return 0;
  ++failed;
  errno = error;
  return 1;
}

static int mine(int fd) { return armed && fd >= 0 && fd < MOST_FILES && ours[fd]; }

/* Whether a path is below the folder; if so, ``out`` is the full path. */
static int inside(int base, const char *path, char out[8192]) {
  if (!armed || !path) return 0;
  char start[4096] = "";
  if (path[0] != '/') {
    if (base == AT_FDCWD) {
      if (!getcwd(start, sizeof start)) return 0;
    } else {
      char link[64];
      snprintf(link, sizeof link, "/proc/self/fd/%d", base);
      ssize_t length = readlink(link, start, sizeof start - 1);
      if (length < 0) return 0;
      start[length] = 0;
    }
  }
  snprintf(out, 8192, "%s%s%s", start, *start ? "/" : "", path);
  return !strncmp(out, folder, folder_length) && (out[folder_length] == '/' || !out[folder_length]);
}

struct entry { int32_t code, fd, other, pad; int64_t offset; uint64_t first, second, data; };

static void write_out(const void *data, size_t length) {
  for (const char *next = data; length;) {
    ssize_t done = syscall(SYS_write, log_file, next, length);
    if (done <= 0) return;
    next += done, length -= (size_t)done;
  }
}

static void note(int code, int fd, int other, off_t offset, const char *first, const char *second,
                 const struct iovec *parts, int count, size_t length) {
  if (log_file < 0) return;
  int before = errno;
  struct entry entry = {code, fd, other, 0, offset, strlen(first), strlen(second), length};
  write_out(&entry, sizeof entry);
  write_out(first, entry.first);
  write_out(second, entry.second);
  for (int i = 0; i < count && length; ++i) {
    size_t part = parts[i].iov_len < length ? parts[i].iov_len : length;
    write_out(parts[i].iov_base, part);
    length -= part;
  }
  errno = before;
}

/* --- opening and closing */

static int opened(int base, const char *path, int flags, mode_t mode) {
  char whole[8192];
  if (!inside(base, path, whole)) {
    int other = REAL(openat)(base, path, flags, mode);
    if (mine(other)) ours[other] = 0;
    return other;
  }
  LOCK;
  int takes = error == EROFS && (flags & O_ACCMODE) != O_RDONLY;
  int creates = (flags & O_CREAT) && faccessat(base, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0, fd = -1;
  if (!(creates || takes) || !refused(WRITES)) fd = REAL(openat)(base, path, flags, mode);
  if (fd >= 0 && fd < MOST_FILES) {
    ours[fd] = 1;
    note(OPEN, fd, creates | ((flags & O_TRUNC) ? 2 : 0), 0, whole, "", NULL, 0, 0);
  }
  UNLOCK;
  return fd;
}

#define MODE                                             \
  mode_t mode = 0;                                       \
  if (flags & (O_CREAT | O_TMPFILE)) {                   \
    va_list list;                                        \
    va_start(list, flags);                               \
    mode = (mode_t)va_arg(list, int);                    \
    va_end(list);                                        \
  }
int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int openat(int base, const char *path, int flags, ...) { MODE return opened(base, path, flags, mode); }
int openat64(int base, const char *path, int flags, ...) { MODE return opened(base, path, flags, mode); }
int __open_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return opened(AT_FDCWD, path, flags, 0); }
int __openat_2(int base, const char *path, int flags) { return opened(base, path, flags, 0); }
int __openat64_2(int base, const char *path, int flags) { return opened(base, path, flags, 0); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
  if (!mine(fd)) return REAL(close)(fd);
  LOCK;
  ours[fd] = 0;
  note(CLOSE, fd, 0, 0, "", "", NULL, 0, 0);
  int done = REAL(close)(fd);
  UNLOCK;
  return done;
}

int closedir(DIR *listed) {
  int fd = dirfd(listed);
  if (mine(fd)) {
    ours[fd] = 0;
    note(CLOSE, fd, 0, 0, "", "", NULL, 0, 0);
  }
  return REAL(closedir)(listed);
}

static int doubled(int from, int to) {
  if (to >= 0 && to < MOST_FILES && from != to && armed) {
    ours[to] = mine(from);
    if (ours[to]) note(DUP, from, to, 0, "", "", NULL, 0, 0);
  }
  return to;
}
int dup(int fd) { return doubled(fd, REAL(dup)(fd)); }
int dup2(int fd, int to) { return doubled(fd, REAL(dup2)(fd, to)); }
int dup3(int fd, int to, int flags) { return doubled(fd, REAL(dup3)(fd, to, flags)); }
static int controlled(int fd, int command, void *argument) {
  int done = REAL(fcntl)(fd, command, argument);
  return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? doubled(fd, done) : done;
}
#define ARGUMENT                          \
  va_list list;                           \
  va_start(list, command);                \
  void *argument = va_arg(list, void *);  \
  va_end(list);
int fcntl(int fd, int command, ...) { ARGUMENT return controlled(fd, command, argument); }
int fcntl64(int fd, int command, ...) { ARGUMENT return controlled(fd, command, argument); }

/* --- writing; an offset of -1 is the current position */

static ssize_t written(int fd, const struct iovec *parts, int count, off_t offset) {
  LOCK;
  ssize_t done = -1;
  if (!refused(WRITES)) done = offset < 0 ? REAL(writev)(fd, parts, count) : REAL(pwritev)(fd, parts, count, offset);
  if (done > 0) {
    off_t where = offset < 0 ? lseek(fd, 0, SEEK_CUR) - done : offset;
    note(WRITE, fd, 0, where, "", "", parts, count, (size_t)done);
  }
  UNLOCK;
  return done;
}
#define ONE (&(struct iovec){(void *)data, length}), 1
ssize_t write(int fd, const void *data, size_t length) {
  return mine(fd) ? written(fd, ONE, -1) : REAL(write)(fd, data, length);
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
  return mine(fd) ? written(fd, ONE, offset) : REAL(pwrite)(fd, data, length, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t length, off_t offset) { return pwrite(fd, data, length, offset); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
  return mine(fd) ? written(fd, parts, count, -1) : (ssize_t)syscall(SYS_writev, fd, parts, count);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return mine(fd) ? written(fd, parts, count, offset) : REAL(pwritev)(fd, parts, count, offset);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
  return pwritev(fd, parts, count, offset);
}
ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags) {
  return mine(fd) ? written(fd, parts, count, offset) : REAL(pwritev64v2)(fd, parts, count, offset, flags);
}
/* A program that is refused these calls copies by reading and writing. */
ssize_t sendfile(int to, int from, off_t *offset, size_t length) {
  if (mine(to) || mine(from)) return errno = ENOTSOCK, -1;
  return syscall(SYS_sendfile, to, from, offset, length);
}
ssize_t sendfile64(int to, int from, off_t *offset, size_t length) { return sendfile(to, from, offset, length); }
ssize_t copy_file_range(int from, off64_t *here, int to, off64_t *there, size_t length, unsigned flags) {
  if (mine(to) || mine(from)) return errno = EOPNOTSUPP, -1;
  return syscall(SYS_copy_file_range, from, here, to, there, length, flags);
}

int ftruncate(int fd, off_t length) {
  if (!mine(fd)) return REAL(ftruncate)(fd, length);
  LOCK;
  int done = refused(WRITES) ? -1 : REAL(ftruncate)(fd, length);
  if (!done) note(TRUNCATE, fd, 0, length, "", "", NULL, 0, 0);
  UNLOCK;
  return done;
}
int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }
int truncate(const char *path, off_t length) {
  char whole[8192];
  if (!inside(AT_FDCWD, path, whole)) return REAL(truncate)(path, length);
  LOCK;
  int done = refused(WRITES) ? -1 : REAL(truncate)(path, length);
  if (!done) note(TRUNCATE_PATH, -1, 0, length, whole, "", NULL, 0, 0);
  UNLOCK;
  return done;
}
int truncate64(const char *path, off_t length) { return truncate(path, length); }
/* Space is allocated by growing the file, which holds zeros either way. */
static int roomy(int fd, off_t offset, off_t length) {
  struct stat about;
  if (fstat(fd, &about)) return -1;
  return offset + length > about.st_size ? ftruncate(fd, offset + length) : ftruncate(fd, about.st_size);
}
int fallocate(int fd, int mode, off_t offset, off_t length) {
  if (!mine(fd)) return REAL(fallocate)(fd, mode, offset, length);
  return mode ? (errno = EOPNOTSUPP, -1) : roomy(fd, offset, length);
}
int fallocate64(int fd, int mode, off_t offset, off_t length) { return fallocate(fd, mode, offset, length); }
int posix_fallocate(int fd, off_t offset, off_t length) {
  if (!mine(fd)) return REAL(posix_fallocate)(fd, offset, length);
  return roomy(fd, offset, length) ? errno : 0;
}
int posix_fallocate64(int fd, off_t offset, off_t length) { return posix_fallocate(fd, offset, length); }

static int flushed(int fd, int (*real)(int)) {
  if (!mine(fd)) return real(fd);
  LOCK;
  /* The machine's own disk is not flushed: these tests do not need it, and it takes time. */
  int done = refused(WRITES) ? -1 : 0;
  if (!done) note(FSYNC, fd, 0, 0, "", "", NULL, 0, 0);
  UNLOCK;
  return done;
}
int fsync(int fd) { return flushed(fd, REAL(fsync)); }
int fdatasync(int fd) { return flushed(fd, REAL(fdatasync)); }

/* --- names: calls that take space may fail */

#define NAMED(code, which, call, base, path, other, target)                   \
  char whole[8192];                                                           \
  if (!inside(base, path, whole)) return call;                                \
  LOCK;                                                                       \
  int done = (which) && refused(WRITES) ? -1 : call;                          \
  if (!done) note(code, -1, other, 0, whole, target, NULL, 0, 0);             \
  UNLOCK;                                                                     \
  return done;

int mkdirat(int base, const char *path, mode_t mode) {
  NAMED(MKDIR, faccessat(base, path, F_OK, AT_SYMLINK_NOFOLLOW), (int)syscall(SYS_mkdirat, base, path, mode), base, path, 0, "")
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
int symlinkat(const char *target, int base, const char *path) {
  NAMED(SYMLINK, 1, (int)syscall(SYS_symlinkat, target, base, path), base, path, 0, target)
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }
int unlinkat(int base, const char *path, int flags) {
  NAMED(flags & AT_REMOVEDIR ? RMDIR : UNLINK, 0, (int)syscall(SYS_unlinkat, base, path, flags), base, path, 0, "")
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  struct stat about;
  if (fstatat(AT_FDCWD, path, &about, AT_SYMLINK_NOFOLLOW)) return -1;
  return unlinkat(AT_FDCWD, path, S_ISDIR(about.st_mode) ? AT_REMOVEDIR : 0);
}
int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
  char target[8192];
  if (!inside(to, new, target)) return (int)syscall(SYS_renameat2, from, old, to, new, flags);
  NAMED(RENAME, 1, (int)syscall(SYS_renameat2, from, old, to, new, flags), from, old, 0, target)
}
int renameat(int from, const char *old, int to, const char *new) { return renameat2(from, old, to, new, 0); }
int rename(const char *old, const char *new) { return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0); }
int linkat(int from, const char *old, int to, const char *new, int flags) {
  char target[8192];
  if (!inside(to, new, target)) return (int)syscall(SYS_linkat, from, old, to, new, flags);
  NAMED(LINK, 1, (int)syscall(SYS_linkat, from, old, to, new, flags), from, old, 0, target)
}
int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }

/* --- reading */

static ssize_t had(int fd, const struct iovec *parts, int count, off_t offset) {
  LOCK;
  ssize_t done = -1;
  if (!refused(READS))
    done = offset < 0 ? (ssize_t)syscall(SYS_readv, fd, parts, count) : REAL(preadv)(fd, parts, count, offset);
  UNLOCK;
  return done;
}
ssize_t read(int fd, void *data, size_t length) {
  return mine(fd) ? had(fd, ONE, -1) : REAL(read)(fd, data, length);
}
ssize_t __read_chk(int fd, void *data, size_t length, size_t room) {
  return length > room ? (errno = EFAULT, -1) : read(fd, data, length);
}
ssize_t pread(int fd, void *data, size_t length, off_t offset) {
  return mine(fd) ? had(fd, ONE, offset) : REAL(pread)(fd, data, length, offset);
}
ssize_t pread64(int fd, void *data, size_t length, off_t offset) { return pread(fd, data, length, offset); }
ssize_t __pread_chk(int fd, void *data, size_t length, off_t offset, size_t room) {
  return length > room ? (errno = EFAULT, -1) : pread(fd, data, length, offset);
}
ssize_t __pread64_chk(int fd, void *data, size_t length, off_t offset, size_t room) {
  return __pread_chk(fd, data, length, offset, room);
}
ssize_t readv(int fd, const struct iovec *parts, int count) {
  return mine(fd) ? had(fd, parts, count, -1) : (ssize_t)syscall(SYS_readv, fd, parts, count);
}
