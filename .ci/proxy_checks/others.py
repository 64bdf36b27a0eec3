"""Origins and clients that others wrote: http.server and nginx, curl and Chromium."""

import concurrent.futures
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

from .wire import Proxy, check, free_port, processes


def nginx(directory):
    port = free_port()
    path = os.path.join(directory, "nginx.conf")
    with open(path, "w") as file:
        file.write(f"""
daemon off; pid {directory}/nginx.pid; error_log {directory}/nginx.log; events {{ }}
http {{
  access_log {directory}/access.log; types {{ text/html html; text/plain txt; application/json json; }}
  default_type application/octet-stream; client_body_temp_path {directory}/body; proxy_temp_path {directory}/p;
  fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  keepalive_timeout 1s; gzip on; gzip_types *; gzip_min_length 100;
  server {{
    listen 127.0.0.1:{port}; absolute_redirect off; root {directory}/files;
    location /fresh/ {{ alias {directory}/files/; add_header Cache-Control max-age=60; }}
    location /stale/ {{ alias {directory}/files/; add_header Cache-Control "max-age=0"; }}
    location /error {{ return 503; }}
    location /moved {{ return 302 /page.html; }}
    location /slow/ {{ alias {directory}/files/; limit_rate 300k; }}
  }}
}}""")
    process = subprocess.Popen(["nginx", "-c", path], stderr=subprocess.DEVNULL)
    processes.append(process)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return port
        except OSError:
            time.sleep(0.05)
    sys.exit("nginx doesn't listen")


def curl(*arguments, **options):
    return subprocess.run(["curl", "-sS", "-m", "30", *arguments], capture_output=True, **options)


SCRIPT = """<!doctype html><body><script>
const out = {};
async function go(name, ...args) {
  try {
    const r = await fetch(...args), b = await r.arrayBuffer();
    out[name] = { status: r.status, count: b.byteLength, state: r.headers.get('Cache-Status') };
  } catch (e) { out[name] = { error: String(e) }; }
}
(async () => {
  await go('first', '/fresh/data.txt'); await go('again', '/fresh/data.txt');
  await go('reload', '/fresh/data.txt', { cache: 'reload' });
  await go('no-cache', '/stale/data.txt', { cache: 'no-cache' }); await go('stale', '/stale/data.txt');
  await go('no-store', '/fresh/data.txt', { cache: 'no-store' });
  await go('part', '/fresh/data.txt', { headers: { Range: 'bytes=100-199' }, cache: 'no-store' });
  await go('HEAD', '/fresh/data.txt', { method: 'HEAD' });
  await go('POST', '/fresh/data.txt', { method: 'POST', body: 'x' });
  await go('missing', '/nowhere'); await go('moved', '/moved'); await go('big', '/fresh/big.bin');
  const p = document.createElement('pre'); p.id = 'out'; p.textContent = JSON.stringify(out); document.body.append(p);
})();
</script>"""


def others(_):
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        files = os.path.join(directory, "files")
        os.mkdir(files)
        text = "".join(f"line {n}\n" for n in range(20000)).encode()
        big = os.urandom(20_000_000)
        old = time.time() - 100 * 86400
        for name, content in (("data.txt", text), ("big.bin", big), ("page.html", SCRIPT.encode())):
            with open(os.path.join(files, name), "wb") as file:
                file.write(content)
            os.utime(os.path.join(files, name), (old, old))
        web = subprocess.Popen(
            [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", files],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        processes.append(web)
        port = int(re.search(rb"port (\d+)", web.stdout.readline())[1])
        behind = {"http.server": Proxy(port), "nginx": Proxy(nginx(directory))}
        for name, proxy in behind.items():
            by_curl(name, f"http://127.0.0.1:{proxy.port}", directory, text, big)
        by_chromium(behind["nginx"], directory)
        # The origins end: what is stored still answers, the rest is told as what it is.
        web.kill()
        web.wait()
        at = f"http://127.0.0.1:{behind['http.server'].port}"
        check("http.server gone, fresh", curl(f"{at}/data.txt").stdout == text)
        check(
            "http.server gone, missing",
            curl("-o", "/dev/null", "-w", "%{http_code}", f"{at}/none").stdout == b"502",
        )


def by_curl(name, at, directory, text, big):
    def code(*arguments):
        return curl("-o", "/dev/null", "-w", "%{http_code}", *arguments).stdout.decode()

    for round in ("first", "again"):
        check(f"{name} {round}", curl(f"{at}/data.txt").stdout == text)
        check(f"{name} {round} big", curl(f"{at}/big.bin").stdout == big)
        check(f"{name} {round} compressed", curl("--compressed", f"{at}/data.txt").stdout == text)
        head = curl("-I", f"{at}/data.txt").stdout.decode()
        check(f"{name} {round} HEAD", f"content-length: {len(text)}" in head.lower(), head)
        check(f"{name} {round} HTTP/1.0", curl("-0", f"{at}/data.txt").stdout == text)
        check(
            f"{name} {round} part", curl("-r", "100-199", f"{at}/data.txt").stdout == text[100:200]
        )
        check(
            f"{name} {round} last part", curl("-r", "-100", f"{at}/data.txt").stdout == text[-100:]
        )
        both = curl("-r", "0-9,90000-90009", f"{at}/data.txt").stdout
        check(
            f"{name} {round} two parts",
            text[:10] in both
            and text[90000:90010] in both
            and (both == text or b"Content-Range" in both),
            both[:300],
        )
        path = os.path.join(directory, "partial")
        with open(path, "wb") as file:
            file.write(text[:5000])
        curl("-C", "-", "-o", path, f"{at}/data.txt")
        check(f"{name} {round} resumed", open(path, "rb").read() == text)
        check(
            f"{name} {round} beyond",
            code("-r", f"{len(text)}-", f"{at}/data.txt") in ("416", "200"),
        )
        check(
            f"{name} {round} condition",
            code("-z", os.path.join(directory, "files", "data.txt"), f"{at}/data.txt")
            in ("304", "200"),
        )
        when = re.search(r"(?i)last-modified: (.*)\r", head)[1]
        check(
            f"{name} {round} not modified",
            code("-H", f"If-Modified-Since: {when}", f"{at}/data.txt") == "304",
        )
    check(f"{name} missing", code(f"{at}/nowhere") == "404")
    check(f"{name} POST", code("-d", "x", f"{at}/data.txt") in ("405", "501"))
    check(
        f"{name} PUT with leave",
        code(
            "-T",
            os.path.join(directory, "files", "data.txt"),
            "-H",
            "Expect: 100-continue",
            f"{at}/new",
        )
        in ("405", "501"),
    )
    states = curl("-D", "-", "-o", "/dev/null", f"{at}/data.txt").stdout.decode()
    check(f"{name} is a hit", "; hit" in states, states)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: curl(f"{at}/data.txt?{n}").stdout == text, range(24)))
    check(f"{name} at once", all(got), got)
    if name == "nginx":
        time.sleep(1.2)
        check("nginx closed its idle connections", code(f"{at}/page.html?later") == "200")
        check("nginx 503", code(f"{at}/error") == "503")
        check("nginx 302", code(f"{at}/moved") == "302")
        tag = re.search(r"(?i)etag: (\S+)", states)[1]
        check("nginx tag", code("-H", f"If-None-Match: {tag}", f"{at}/stale/data.txt") == "304")
        check(
            "nginx tag again", code("-H", f"If-None-Match: {tag}", f"{at}/stale/data.txt") == "304"
        )
        check("nginx joined, slow", curl(f"{at}/slow/data.txt").stdout == text)


def by_chromium(proxy, directory):
    got = subprocess.run(
        [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={directory}/chromium",
            "--virtual-time-budget=20000",
            "--dump-dom",
            f"http://127.0.0.1:{proxy.port}/page.html",
        ],
        capture_output=True,
        timeout=60,
    ).stdout.decode()
    found = re.search(r'<pre id="out">(.*?)</pre>', got)
    check("chromium ran", found, got[-500:])
    if not found:
        return
    out = json.loads(found[1].replace("&quot;", '"').replace("&amp;", "&"))
    expected = {
        "first": 200,
        "again": 200,
        "reload": 200,
        "no-cache": 200,
        "stale": 200,
        "no-store": 200,
        "part": 206,
        "HEAD": 200,
        "POST": 405,
        "missing": 404,
        "moved": 200,
        "big": 200,
    }
    for name, status in expected.items():
        check(f"chromium {name}", out.get(name, {}).get("status") == status, out.get(name))
    check("chromium reload asks", "fwd=request" in (out["reload"]["state"] or ""), out["reload"])
    check("chromium part", out["part"]["count"] == 100, out["part"])
    check("chromium big", out["big"]["count"] == 20_000_000, out["big"])
