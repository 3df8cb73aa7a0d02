/* Preloaded into a process, makes the folders called "share" lack what the variable LACKS names, as some disks do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int on_share(const char *path) { return path && strstr(path, "/share"); }

static int lacks(const char *what)
{
    const char *all = getenv("LACKS");
    return all && strcmp(all, what) == 0;
}

static int fd_on_share(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return on_share(path);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL(number) do { errno = (number); return -1; } while (0)

int flock(int fd, int operation)
{
    if (fd_on_share(fd)) {
        if (lacks("locks")) FAIL(ENOLCK);
        if (lacks("locks, and says so")) FAIL(ENOSYS);
        if (lacks("exclusive locks")) return 0;
    }
    return NEXT(flock)(fd, operation);
}

static int is_byte_lock(int command)
{
    return command == F_SETLK || command == F_SETLKW || command == F_GETLK || command == F_OFD_SETLK;
}

#define BYTE_LOCKS(name) \
    int name(int fd, int command, ...) \
    { \
        va_list all; \
        va_start(all, command); \
        void *argument = va_arg(all, void *); \
        va_end(all); \
        if (is_byte_lock(command) && fd_on_share(fd)) { \
            if (lacks("byte locks")) FAIL(ENOLCK); \
            if (lacks("byte locks, and says so")) FAIL(EOPNOTSUPP); \
            if (lacks("exclusive byte locks")) return 0; \
        } \
        return NEXT(name)(fd, command, argument); \
    }
BYTE_LOCKS(fcntl)
BYTE_LOCKS(fcntl64)

#define SHARED_MEMORY(name) \
    void *name(void *at, size_t size, int access, int flags, int fd, off_t from) \
    { \
        if (fd >= 0 && (flags & MAP_SHARED) && lacks("shared memory") && fd_on_share(fd)) { \
            errno = ENODEV; \
            return MAP_FAILED; \
        } \
        return NEXT(name)(at, size, access, flags, fd, from); \
    }
SHARED_MEMORY(mmap)
SHARED_MEMORY(mmap64)

int fsync(int fd)
{
    struct stat status;
    if (fd_on_share(fd)) {
        if (lacks("syncs")) FAIL(EINVAL);
        if (lacks("syncs of folders") && NEXT(fstat)(fd, &status) == 0 && S_ISDIR(status.st_mode)) FAIL(EINVAL);
    }
    return NEXT(fsync)(fd);
}

int rename(const char *from, const char *to)
{
    if (lacks("renames") && on_share(to) && access(to, F_OK) == 0) FAIL(EEXIST);
    return NEXT(rename)(from, to);
}

static int has_no_modes(void) { return lacks("permissions") || lacks("permissions, and is silent"); }

#define CHANGE_MODE(name, parameters, arguments, is_ours) \
    int name parameters \
    { \
        if (has_no_modes() && (is_ours)) { \
            if (lacks("permissions")) FAIL(EPERM); \
            return 0; \
        } \
        return NEXT(name) arguments; \
    }
CHANGE_MODE(chmod, (const char *path, mode_t mode), (path, mode), on_share(path))
CHANGE_MODE(fchmod, (int fd, mode_t mode), (fd, mode), fd_on_share(fd))
CHANGE_MODE(fchmodat, (int at, const char *path, mode_t mode, int flags), (at, path, mode, flags), on_share(path))

#define SHOW_MODE(name, kind, parameter, is_ours) \
    int name(parameter, struct kind *status) \
    { \
        int result = NEXT(name)(place, status); \
        if (result == 0 && has_no_modes() && (is_ours)) status->st_mode |= 0055; \
        return result; \
    }
SHOW_MODE(stat, stat, const char *place, on_share(place))
SHOW_MODE(stat64, stat64, const char *place, on_share(place))
SHOW_MODE(fstat, stat, int place, fd_on_share(place))
SHOW_MODE(fstat64, stat64, int place, fd_on_share(place))
