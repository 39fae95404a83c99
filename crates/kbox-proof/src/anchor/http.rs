// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One request to a service outside, bounded in time and size.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::io::Read;
use std::net::IpAddr;
use std::time::Instant;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use zeroize::Zeroizing;

/// No connection takes longer to make.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CHUNK: usize = 16 << 10;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// The client could not be made: no certificates to trust, for example.
    Client(String),
    /// The address is not `http://…` or `https://…`.
    Address(String),
    /// Nothing came, or not all of it, in time.
    Timeout(Duration),
    /// The answer is longer than any of its kind.
    TooLong {
        /// Bytes allowed.
        max: usize,
    },
    /// The connection, in the client's words.
    Connection(String),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(problem) => write!(
                f,
                "no HTTP client: {problem}. TLS wants the certificates that the system trusts (Debian: ca-certificates)"
            ),
            Self::Address(address) => write!(f, "{address:?} is not an http or https address"),
            Self::Timeout(limit) => write!(f, "no whole answer within {} s", limit.as_secs_f32()),
            Self::TooLong { max } => write!(f, "the answer is longer than {max} bytes"),
            Self::Connection(problem) => f.write_str(problem),
        }
    }
}

impl core::error::Error for HttpError {}

/// Name and password by which a service knows us: HTTP basic authentication (RFC 7617). Shown to nobody else: it follows no redirect,
/// and stands in no error and no debugging output.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    user: String,
    password: Zeroizing<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Login {
    /// The longest of either, in bytes.
    pub const MAX: usize = 1024;

    /// `None` when the scheme cannot carry them: one of them empty, too long or with a control character, or a colon in the name
    /// (RFC 7617 §2).
    #[must_use]
    pub fn new(user: String, password: Zeroizing<String>) -> Option<Self> {
        let fits = |text: &str| {
            (1..=Self::MAX).contains(&text.len()) && !text.chars().any(char::is_control)
        };
        (fits(&user) && fits(&password) && !user.contains(':')).then_some(Self { user, password })
    }
}

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The media type without parameters, in lower case; empty when none was given.
    pub media_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// A client that follows no redirect and keeps connections. Its calls block: it is for threads of their own, not for those of an
/// asynchronous runtime.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: reqwest::blocking::Client,
    /// For this very machine: what the environment says of proxies is for others, and one would be told the login.
    direct: reqwest::blocking::Client,
    timeout: Duration,
}

/// Whether an address is this machine's own, so that what is sent there in clear crosses no network: no proxy is asked either.
#[must_use]
pub fn is_loopback(address: &str) -> bool {
    let Ok(address) = reqwest::Url::parse(address) else {
        return false;
    };
    address.host_str().is_some_and(|host| {
        let number = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || number.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    })
}

impl HttpClient {
    /// A client whose every request ends within `timeout`. TLS is rustls, with the certificates that the system trusts.
    ///
    /// # Errors
    /// [`HttpError::Client`].
    pub fn new(timeout: Duration) -> Result<Self, HttpError> {
        let builder = || {
            reqwest::blocking::Client::builder()
                .timeout(timeout)
                .connect_timeout(timeout.min(CONNECT_TIMEOUT))
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(concat!("kbox/", env!("CARGO_PKG_VERSION")))
        };
        let problem = |error| HttpError::Client(words(&error));
        Ok(Self {
            client: builder().build().map_err(problem)?,
            direct: builder().no_proxy().build().map_err(problem)?,
            timeout,
        })
    }

    /// Posts a body, as whom the service knows where it wants a login; an answer of more than `max` bytes is refused.
    ///
    /// # Errors
    /// [`HttpError`]; a status other than 200 is none.
    pub fn post(
        &self,
        address: &str,
        login: Option<&Login>,
        media_type: &'static str,
        body: Vec<u8>,
        max: usize,
    ) -> Result<HttpAnswer, HttpError> {
        let request = self
            .client_for(address)?
            .post(address)
            .header(CONTENT_TYPE, HeaderValue::from_static(media_type))
            .body(body);
        let request = match login {
            Some(login) => request.basic_auth(&login.user, Some(login.password.as_str())),
            None => request,
        };
        self.answer(request, max)
    }

    /// Reads what is there; an answer of more than `max` bytes is refused.
    ///
    /// # Errors
    /// [`HttpError`]; a status other than 200 is none.
    pub fn get(&self, address: &str, max: usize) -> Result<HttpAnswer, HttpError> {
        self.answer(self.client_for(address)?.get(address), max)
    }

    fn client_for(&self, address: &str) -> Result<&reqwest::blocking::Client, HttpError> {
        if !address.starts_with("https://") && !address.starts_with("http://") {
            return Err(HttpError::Address(address.chars().take(200).collect()));
        }
        Ok(match is_loopback(address) {
            true => &self.direct,
            false => &self.client,
        })
    }

    fn answer(
        &self,
        request: reqwest::blocking::RequestBuilder,
        max: usize,
    ) -> Result<HttpAnswer, HttpError> {
        let deadline = Instant::now() + self.timeout;
        let failed = |error: reqwest::Error| match error.is_timeout() {
            true => HttpError::Timeout(self.timeout),
            false => HttpError::Connection(words(&error)),
        };
        let mut response = request.send().map_err(failed)?;
        let media_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .map(|value| value.trim().to_ascii_lowercase())
            .unwrap_or_default();
        let mut answer = HttpAnswer {
            status: response.status().as_u16(),
            media_type,
            body: Vec::new(),
        };
        // Each read alone has the client's time: a server that sends a byte now and then must not hold us for ever.
        let mut chunk = alloc::vec![0; CHUNK];
        loop {
            let read = response.read(&mut chunk).map_err(|error| {
                match error.kind() == std::io::ErrorKind::TimedOut {
                    true => HttpError::Timeout(self.timeout),
                    false => HttpError::Connection(error.to_string()),
                }
            })?;
            answer
                .body
                .extend_from_slice(chunk.get(..read).unwrap_or_default());
            if answer.body.len() > max {
                return Err(HttpError::TooLong { max });
            }
            if read == 0 {
                return Ok(answer);
            }
            if Instant::now() > deadline {
                return Err(HttpError::Timeout(self.timeout));
            }
        }
    }
}

/// An error with its causes, which say what happened.
fn words(error: &dyn core::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;
    use std::net::TcpListener;
    use std::vec::Vec;

    use super::*;

    /// A server that takes one connection and sends these parts, a moment between them.
    fn server(parts: &'static [&'static str], pause: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = alloc::format!("http://{}/x", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            for part in parts {
                if stream.write_all(part.as_bytes()).is_err() {
                    return;
                }
                std::thread::sleep(pause);
            }
        });
        address
    }

    #[test]
    fn only_addresses_of_this_machine_are_its_own() {
        for (address, is_own) in [
            ("http://127.0.0.1:3000/tsr", true),
            ("http://127.1/", true),
            ("http://[::1]/", true),
            ("http://LOCALHOST:1", true),
            ("https://localhost?x", true),
            ("http://127.0.0.1.example.eu/", false),
            ("http://localhost.example.eu/", false),
            ("http://127.0.0.1@example.eu/", false),
            ("http://example.eu/127.0.0.1", false),
            ("http://[::2]/", false),
            ("http://10.0.0.1/", false),
            ("localhost", false),
        ] {
            assert_eq!(is_loopback(address), is_own, "{address}");
        }
    }

    /// The environment is a process's own, so the test is another one of this program, which finds its addresses there.
    #[test]
    fn what_is_sent_to_this_machine_with_a_login_passes_through_no_proxy() {
        const ADDRESS: &str = "KBOX_TEST_ADDRESS";
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        if let Ok(address) = std::env::var(ADDRESS) {
            let login = Login::new("commune".to_string(), Zeroizing::new("geheim".to_string()));
            let client = HttpClient::new(Duration::from_secs(20)).unwrap();
            let answer = client.post(&address, login.as_ref(), "text/plain", Vec::new(), 100);
            assert_eq!(answer.unwrap().status, 200);
            return;
        }
        let listen = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = alloc::format!("http://{}", listener.local_addr().unwrap());
            (listener, address)
        };
        // Whom the request reaches answers it, and tells its first line.
        let ask = |address: &str, proxy: &str, reached: TcpListener| {
            let program = std::env::current_exe().unwrap();
            let name = "anchor::http::tests::what_is_sent_to_this_machine_with_a_login_passes_through_no_proxy";
            let child = std::process::Command::new(program)
                .args([name, "--exact"])
                .envs(["http_proxy", "HTTP_PROXY", "ALL_PROXY"].map(|name| (name, proxy)))
                .env_remove("no_proxy")
                .env_remove("NO_PROXY")
                .env(ADDRESS, address)
                .stdout(std::process::Stdio::null())
                .spawn();
            let mut child = child.unwrap();
            let answering = std::thread::spawn(move || {
                let (mut stream, _) = reached.accept().unwrap();
                let mut request = [0; 4096];
                let read = stream.read(&mut request).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
                String::from_utf8_lossy(&request[..read]).into_owned()
            });
            // Where it was sent elsewhere nobody answers: the other one is not waited for.
            assert!(child.wait().unwrap().success());
            answering.join().unwrap()
        };
        let ((own, address), (proxy, proxy_address)) = (listen(), listen());
        proxy.set_nonblocking(true).unwrap();
        let request = ask(&address, &proxy_address, own);
        assert!(request.starts_with("POST / "), "{request}");
        assert!(
            request
                .to_ascii_lowercase()
                .contains("authorization: basic")
        );
        assert!(proxy.accept().is_err());
        // It is asked for others.
        proxy.set_nonblocking(false).unwrap();
        let request = ask("http://tsa.example.eu/", &proxy_address, proxy);
        assert!(
            request.starts_with("POST http://tsa.example.eu/ "),
            "{request}"
        );
    }

    fn post(address: &str) -> Result<HttpAnswer, HttpError> {
        let client = HttpClient::new(Duration::from_secs(2)).unwrap();
        client.post(address, None, "text/plain", Vec::new(), 100)
    }

    #[test]
    fn a_redirect_is_an_answer_and_is_not_followed() {
        let there = "HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nContent-Type: Text/X; a=b\r\n\r\n";
        let parts: &'static [&'static str] = std::boxed::Box::leak(std::boxed::Box::new([there]));
        let answer = post(&server(parts, Duration::ZERO)).unwrap();
        assert_eq!((answer.status, answer.media_type.as_str()), (307, "text/x"));
    }

    #[test]
    fn a_password_is_in_no_debugging_output_and_a_login_that_the_scheme_cannot_carry_is_none() {
        let login = |user: &str, password: &str| {
            Login::new(user.to_string(), Zeroizing::new(password.to_string()))
        };
        let good = login("commune", "geheim: é").unwrap();
        let shown = alloc::format!("{good:?}");
        assert!(shown.contains("commune") && !shown.contains("geheim"));
        let long = "x".repeat(Login::MAX + 1);
        for (user, password) in [
            ("", "p"),
            ("u", ""),
            ("a:b", "p"),
            ("u", "p\n"),
            ("u\r", "p"),
            (long.as_str(), "p"),
            ("u", long.as_str()),
        ] {
            assert_eq!(login(user, password), None);
        }
    }

    #[test]
    fn an_answer_that_is_too_long_or_comes_too_slowly_is_given_up() {
        let long = "HTTP/1.1 200 OK\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        let parts: &'static [&'static str] = std::boxed::Box::leak(std::boxed::Box::new([long]));
        let answer = post(&server(parts, Duration::ZERO));
        assert_eq!(answer, Err(HttpError::TooLong { max: 100 }));
        let slow: &'static [&'static str] = &[
            "HTTP/1.1 200 OK\r\n\r\n",
            "a",
            "a",
            "a",
            "a",
            "a",
            "a",
            "a",
            "a",
            "a",
            "a",
            "a",
            "a",
        ];
        let answer = post(&server(slow, Duration::from_millis(400)));
        assert_eq!(answer, Err(HttpError::Timeout(Duration::from_secs(2))));
    }

    #[test]
    fn nobody_there_and_no_address_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = alloc::format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert!(matches!(post(&gone), Err(HttpError::Connection(_))));
        assert!(matches!(
            post("file:///etc/passwd"),
            Err(HttpError::Address(_))
        ));
    }
}
