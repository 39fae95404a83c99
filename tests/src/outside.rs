// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A timestamp authority that is not ours: OpenSSL's `ts -reply` behind a small HTTP listener.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kbox_proof::tsp::{MessageImprint, Nonce, TimeStampReq};

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// A token as asked for.
    Honest,
    /// The same, for whoever knows [`USER`] and [`PASSWORD`].
    Login,
    /// Bytes of the right media type that are no response.
    Garbage,
    /// A page of an error.
    Page,
    /// A token with a nonce of another request.
    OtherNonce,
    /// A token over something else.
    OtherImprint,
}

/// The one login, of HTTP basic authentication (RFC 7617); its password as UTF-8 has it.
pub const USER: &str = "commune";
pub const PASSWORD: &str = "mot de passé";

/// An authority that runs until it is dropped.
pub struct Outside {
    address: SocketAddr,
    /// Its root, PEM.
    pub root: PathBuf,
    ended: Arc<AtomicBool>,
}

const CONFIG: &str = "[tsa]\ndefault_tsa = t\n[t]\nserial = serial\nsigner_cert = tsa.pem\ncerts = root.pem\nsigner_key = tsa.key\n\
    signer_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256, sha384, sha512\naccuracy = secs:1\nordering = no\ntsa_name = no\n\
    ess_cert_id_chain = no\ness_cert_id_alg = sha256\n";

fn openssl(folder: &Path, arguments: &str) {
    let made = Command::new("openssl")
        .args(arguments.split_ascii_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "openssl {arguments}: {}",
        String::from_utf8_lossy(&made.stderr)
    );
}

impl Outside {
    /// Makes its keys in a new folder, and listens on this port, or on any.
    pub fn start(folder: &Path, conduct: Conduct, port: u16) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        if !folder.join("tsa.pem").exists() {
            std::fs::write(folder.join("ts.cnf"), CONFIG).unwrap();
            std::fs::write(folder.join("serial"), "01\n").unwrap();
            let extensions = "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n";
            std::fs::write(folder.join("ext"), extensions).unwrap();
            let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
            openssl(
                folder,
                &format!(
                    "req -x509 {new} -keyout root.key -out root.pem -subj /CN=Outside -days 30 -addext keyUsage=critical,keyCertSign"
                ),
            );
            openssl(
                folder,
                &format!("req -new {new} -keyout tsa.key -out tsa.csr -subj /CN=Authority"),
            );
            openssl(
                folder,
                "x509 -req -in tsa.csr -CA root.pem -CAkey root.key -days 30 -extfile ext -out tsa.pem",
            );
        }
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let address = listener.local_addr().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let (end, folder_of) = (Arc::clone(&ended), folder.to_path_buf());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                // A client that goes away is its own affair.
                let _ = stream.and_then(|stream| answer(stream, &folder_of, conduct));
            }
        });
        Self {
            address,
            root: folder.join("root.pem"),
            ended,
        }
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}/tsr", self.address)
    }

    /// A section of a configuration that asks it.
    pub fn section(&self, name: &str) -> String {
        section(name, &self.url(), &self.root)
    }
}

/// A section of a configuration that asks an authority.
pub fn section(name: &str, url: &str, root: &Path) -> String {
    format!("[[anchor]]\nname = {name:?}\nurl = {url:?}\nroots = {root:?}\n")
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(stream: TcpStream, folder: &Path, conduct: Conduct) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut length, mut login) = (String::new(), 0, None);
    while stream.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("authorization")
        {
            login = Some(value.trim().to_string());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    // By `printf 'commune:mot de passé' | base64`.
    let known = login.as_deref() == Some("Basic Y29tbXVuZTptb3QgZGUgcGFzc8Op");
    if conduct == Conduct::Login && !known {
        let refused =
            b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return stream.into_inner().write_all(refused);
    }
    assert!(conduct == Conduct::Login || login.is_none(), "{login:?}");
    let asked = TimeStampReq::parse(&body).unwrap();
    let nonce = asked.nonce().expect("a nonce").clone();
    assert!(asked.cert_req(), "the certificates are asked for");
    let changed = match conduct {
        Conduct::OtherNonce => TimeStampReq::new(asked.message_imprint().clone())
            .with_nonce(Nonce::from_be_bytes(&[7; 8]))
            .with_certificates()
            .to_der(),
        Conduct::OtherImprint => {
            let other = kbox_proof::digest::Sha256Digest::of(b"something else");
            TimeStampReq::new(MessageImprint::sha256(&other))
                .with_nonce(nonce)
                .with_certificates()
                .to_der()
        }
        Conduct::Honest | Conduct::Login | Conduct::Garbage | Conduct::Page => body,
    };
    let (media_type, reply) = match conduct {
        Conduct::Garbage => ("application/timestamp-reply", b"no response".to_vec()),
        Conduct::Page => ("text/html", b"<p>gone</p>".to_vec()),
        Conduct::Honest | Conduct::Login | Conduct::OtherNonce | Conduct::OtherImprint => {
            std::fs::write(folder.join("q.tsq"), changed)?;
            openssl(
                folder,
                "ts -reply -config ts.cnf -queryfile q.tsq -out r.tsr",
            );
            (
                "application/timestamp-reply",
                std::fs::read(folder.join("r.tsr"))?,
            )
        }
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reply.len()
    );
    let mut stream = stream.into_inner();
    stream.write_all(head.as_bytes())?;
    stream.write_all(&reply)
}
