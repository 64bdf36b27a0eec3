#include <hiredis/hiredis.h>
#include <hiredis/read.h>

/* What the loop waits on; Swift's Glibc module leaves these two out. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
