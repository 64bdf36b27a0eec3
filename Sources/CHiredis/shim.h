#include <hiredis/hiredis.h>
#include <hiredis/read.h>

/* What the loop waits on; Swift's Glibc module leaves these two out. */
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* A wait of less than a millisecond, which poll can't be told; declared here, because the header does
   so only for those who ask for GNU's extensions. */
struct pollfd;
struct timespec;
extern int ppoll(struct pollfd *, unsigned long, const struct timespec *, const void *);
