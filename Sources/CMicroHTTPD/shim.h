#include <microhttpd.h>

// What the module Glibc leaves out.
#include <sys/epoll.h>
#include <sys/eventfd.h>
int dup3(int old_descriptor, int new_descriptor, int flags);

// What Swift can't call by itself: functions with variable arguments, options that are given by
// number, and unions.

/// The callbacks of a daemon; `cls` is handed to each of them.
struct strata_callbacks {
    void *cls;
    MHD_NotifyConnectionCallback connection;
    void *(*request_line)(void *cls, const char *target, struct MHD_Connection *connection);
    size_t (*unescape)(void *cls, struct MHD_Connection *connection, char *text);
    MHD_AccessHandlerCallback access;
    MHD_RequestCompletedCallback completed;
};

/// Starts a daemon that is handed its connections by `MHD_add_connection`. In its turbo mode it
/// reads from a new connection without asking first, and closes a socket without shutting it down
/// before, which leaves room for a last word.
static inline struct MHD_Daemon *
strata_start_daemon(unsigned int threads, size_t connection_memory, unsigned int timeout_seconds,
                    unsigned int connection_limit, const struct strata_callbacks *callbacks)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME
            | MHD_USE_TURBO,
        0, NULL, NULL, callbacks->access, callbacks->cls,
        MHD_OPTION_THREAD_POOL_SIZE, threads,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory,
        MHD_OPTION_CONNECTION_TIMEOUT, timeout_seconds,
        MHD_OPTION_CONNECTION_LIMIT, connection_limit,
        MHD_OPTION_NOTIFY_CONNECTION, callbacks->connection, callbacks->cls,
        MHD_OPTION_URI_LOG_CALLBACK, callbacks->request_line, callbacks->cls,
        MHD_OPTION_UNESCAPE_CALLBACK, callbacks->unescape, callbacks->cls,
        MHD_OPTION_NOTIFY_COMPLETED, callbacks->completed, callbacks->cls,
        MHD_OPTION_END);
}

/// The socket of a connection, or -1.
static inline int strata_socket(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

/// What the connection callback left with a connection, or null.
static inline void *strata_socket_context(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/// How many bytes the request line and the header section took, or 0.
static inline size_t strata_head_size(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

/// Has a response of unknown length delimited by the end of the connection, whatever the client.
static inline void strata_delimit_by_close(struct MHD_Response *response)
{
    MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
}
