/* Faults of the machine that come and go while the process runs: each lasts as long as its file lies in the folder $FAULTS. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static int on(const char *fault) {
    char path[4096];
    const char *folder = getenv("FAULTS");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "", fault);
    return folder && access(path, F_OK) == 0;
}

static int slowly(const char *how, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, how);
    if (on("slow-disk")) usleep(500000);
    return real(fd);
}

int fsync(int fd) { return slowly("fsync", fd); }
int fdatasync(int fd) { return slowly("fdatasync", fd); }

pid_t fork(void) {
    pid_t (*real)(void) = (pid_t (*)(void))dlsym(RTLD_NEXT, "fork");
    if (on("no-fork")) {
        errno = ENOMEM;
        return -1;
    }
    return real();
}
