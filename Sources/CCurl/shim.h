#include <curl/curl.h>

// What Swift can't call by itself: functions with variable arguments.

static inline CURLcode strata_set_long(CURL *easy, CURLoption option, long value)
{
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode strata_set_size(CURL *easy, CURLoption option, curl_off_t value)
{
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode strata_set_string(CURL *easy, CURLoption option, const char *value)
{
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode strata_set_list(CURL *easy, CURLoption option, struct curl_slist *value)
{
    return curl_easy_setopt(easy, option, value);
}

/// The callbacks of a transfer, each of which is given `cls`.
static inline void strata_set_callbacks(CURL *easy, void *cls, curl_write_callback header,
                                        curl_write_callback content, curl_read_callback upload,
                                        curl_sockopt_callback opened,
                                        curl_prereq_callback ready)
{
    curl_easy_setopt(easy, CURLOPT_PRIVATE, cls);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, cls);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, content);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, cls);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, upload);
    curl_easy_setopt(easy, CURLOPT_READDATA, cls);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, opened);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, cls);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, ready);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, cls);
}

/// What `strata_set_callbacks` gave to the transfer.
static inline void *strata_context(CURL *easy)
{
    char *cls = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &cls);
    return cls;
}

static inline CURLMcode strata_set_multi_long(CURLM *multi, CURLMoption option, long value)
{
    return curl_multi_setopt(multi, option, value);
}

/// The callbacks of a multi handle, each of which is given `cls`: which sockets are to be watched,
/// and when the time is up.
static inline void strata_set_multi_callbacks(CURLM *multi, void *cls, curl_socket_callback socket,
                                              curl_multi_timer_callback timer)
{
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, cls);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, cls);
}

/// The result of a finished transfer.
static inline CURLcode strata_result(const CURLMsg *message)
{
    return message->data.result;
}
