"""A person with a browser: cookies, forms and redirects, against the pages of the stack. No script runs in it, as none needs to."""

import gzip
import html.parser
import http.client
import http.cookies
import urllib.parse

from stack import PUBLIC_URL


class Forms(html.parser.HTMLParser):
    """The forms of a page: where each goes, and what stands in it."""

    def __init__(self, page):
        super().__init__()
        self.found, self.area, self.choice = [], None, None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.found.append((given.get("action", ""), {}))
        elif self.found and tag in ("input", "textarea") and given.get("name"):
            fields = self.found[-1][1]
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                fields[given["name"]] = given.get("value") or ""
            self.area = given["name"] if tag == "textarea" else None
        elif self.found and tag == "select":
            self.choice = given.get("name")
        elif self.found and tag == "option" and ("selected" in given or self.choice not in self.found[-1][1]):
            self.found[-1][1][self.choice] = given.get("value", "")

    def handle_data(self, data):
        if self.area:
            self.found[-1][1][self.area] += data

    def handle_endtag(self, tag):
        if tag == "textarea":
            self.area = None


class Browser:
    """Somebody's browser, and the last page in it."""

    def __init__(self, stack):
        self.stack, self.cookies, self.page = stack, {}, ""

    def send(self, method, path, body=None):
        """One call; gives the status, and where it leads."""
        headers = {"host": f"{self.stack.resources['Api']}.execute-api.localhost:{self.stack.port}", "accept-encoding": "gzip"}
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            headers |= {"content-type": "application/x-www-form-urlencoded", "origin": PUBLIC_URL}
            body = urllib.parse.urlencode(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                for one in http.cookies.SimpleCookie(value).values():
                    self.cookies[one.key] = one.value
                    if one["max-age"] == "0":
                        del self.cookies[one.key]
        self.page = (gzip.decompress(data) if answer.getheader("content-encoding") == "gzip" else data).decode()
        return answer.status, answer.getheader("location")

    def open(self, path):
        """A page, along whatever leads to it."""
        for _ in range(5):
            status, place = self.send("GET", path)
            if status != 303:
                assert status == 200, (path, status, self.page)
                return self.page
            path = place.removeprefix(PUBLIC_URL)
        raise AssertionError(f"{path}: redirected for ever")

    def fill(self, action, **fields):
        """Sends a form of the page as it stands, but for these fields; gives where it leads."""
        found = [form for to, form in Forms(self.page).found if to == action]
        assert found, (action, self.page)
        status, place = self.send("POST", action, {**found[0], **fields})
        assert status == 303, (action, status, self.page)
        return place

    def log_in(self, user):
        """From the front page to the issuer, and back."""
        status, place = self.send("GET", "/")
        assert status == 303 and place.startswith("/login"), (status, place, self.page)
        status, place = self.send("GET", place)
        assert status == 303, (status, self.page[-700:])
        back = self.stack.issuer.logged_in(place, user)
        assert back.startswith(f"{PUBLIC_URL}/login/callback?"), back
        status, place = self.send("GET", back.removeprefix(PUBLIC_URL))
        assert (status, place) == (303, "/"), (status, place, self.page)
        return self.open("/")
