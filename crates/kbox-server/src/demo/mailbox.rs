// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The demonstration's mail server: real SMTP on loopback, mails kept as `.eml` files that any mail program opens.
//!
//! It delivers nothing anywhere, and is no mail server for anything but a demonstration or a test.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mailin_embedded::{Handler, Response, Server, response};

/// No mail of the demonstration is longer.
const MAX_MAIL_BYTES: usize = 16 << 20;

#[derive(Clone)]
struct Keeper {
    folder: PathBuf,
    refused: Arc<str>,
    count: Arc<AtomicU64>,
    recipient: String,
    bytes: Vec<u8>,
}

impl Handler for Keeper {
    fn rcpt(&mut self, to: &str) -> Response {
        let to = to.trim_matches(['<', '>']);
        if to.eq_ignore_ascii_case(&self.refused) {
            return Response::custom(550, format!("5.1.1 <{to}>: boite aux lettres inconnue"));
        }
        self.recipient = to.to_string();
        response::OK
    }

    fn data_start(
        &mut self,
        _domain: &str,
        _from: &str,
        _is8bit: bool,
        _to: &[String],
    ) -> Response {
        self.bytes.clear();
        response::OK
    }

    fn data(&mut self, buf: &[u8]) -> io::Result<()> {
        if self.bytes.len() + buf.len() > MAX_MAIL_BYTES {
            return Err(io::Error::other("mail too large"));
        }
        self.bytes.extend_from_slice(buf);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        let name: String = self
            .recipient
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') {
                    c
                } else {
                    '_'
                }
            })
            .take(80)
            .collect();
        // Written aside and renamed: a mail that can be seen is complete.
        let part = self.folder.join(format!(".{number:05}.part"));
        let path = self.folder.join(format!("{number:05}-{name}.eml"));
        match std::fs::write(&part, &self.bytes).and_then(|()| std::fs::rename(&part, &path)) {
            Ok(()) => Response::custom(250, format!("2.0.0 Ok: garde sous le numero {number:05}")),
            Err(_) => response::OUT_OF_SPACE,
        }
    }

    fn helo(&mut self, _ip: IpAddr, _domain: &str) -> Response {
        response::OK
    }
}

/// The number of the newest mail of earlier runs.
fn last_number(folder: &Path) -> io::Result<u64> {
    let mut last = 0;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.split_once('-')?.0.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

/// A running mail server; its threads end with the process.
#[derive(Debug)]
pub(crate) struct Mailbox {
    address: SocketAddr,
    folder: PathBuf,
}

impl Mailbox {
    /// Starts on a free loopback port; mails to `refused` get a 550, all others are kept in `folder`.
    pub(crate) fn start(folder: &Path, refused: &str) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let mut server = Server::new(Keeper {
            folder: folder.to_path_buf(),
            refused: refused.into(),
            count: Arc::new(AtomicU64::new(last_number(folder)?)),
            recipient: String::new(),
            bytes: Vec::new(),
        });
        server
            .with_name("boite.demonstration.invalid")
            .with_tcp_listener(listener);
        std::thread::Builder::new()
            .name("mailbox".into())
            .spawn(move || {
                if let Err(error) = server.serve() {
                    eprintln!("serveur de courriel : {error}");
                }
            })?;
        Ok(Self {
            address,
            folder: folder.to_path_buf(),
        })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it keeps the mails.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The mails kept so far, in the order of their coming.
    pub(crate) fn mails(&self) -> io::Result<Vec<PathBuf>> {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&self.folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        paths.sort();
        Ok(paths)
    }
}

/// The member's link in a mail of ours: the first `…/m/TOKEN`, whatever the transfer encoding of the text part.
pub(crate) fn link_in(mail: &str) -> Option<String> {
    let (_, rest) = mail.split_once("\r\n\r\n")?;
    let mut text = String::new();
    let mut base64 = false;
    let mut body = false;
    let mut packed = String::new();
    for line in rest.lines() {
        if line.starts_with("--") {
            if body {
                break;
            }
            continue;
        }
        if !body {
            let lower = line.to_ascii_lowercase();
            base64 |= lower.starts_with("content-transfer-encoding:") && lower.contains("base64");
            body = line.is_empty();
        } else if base64 {
            packed.push_str(line.trim());
        } else if let Some(start) = line.strip_suffix('=') {
            text.push_str(start);
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    if base64 {
        use base64::Engine;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(packed)
            .ok()?;
        text = String::from_utf8(bytes).ok()?;
    }
    text.split_whitespace()
        .find(|word| word.starts_with("http") && word.contains("/m/"))
        .map(str::to_string)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpStream;

    use super::*;

    /// One SMTP session; gives the last reply to each line.
    fn session(address: SocketAddr, lines: &[&str]) -> Vec<String> {
        let mut stream = TcpStream::connect(address).unwrap();
        let mut replies = BufReader::new(stream.try_clone().unwrap());
        let mut reply = move || loop {
            let mut line = String::new();
            replies.read_line(&mut line).unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        };
        reply();
        lines
            .iter()
            .map(|line| {
                stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
                reply()
            })
            .collect()
    }

    #[test]
    fn a_mail_is_kept_as_a_file_and_the_chosen_address_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mailbox = Mailbox::start(folder.path(), "inconnu@elus.invalid").unwrap();
        let replies = session(
            mailbox.address(),
            &[
                "EHLO demonstration",
                "MAIL FROM:<secretariat@mairie.invalid>",
                "RCPT TO:<Inconnu@elus.invalid>",
                "RCPT TO:<connu@elus.invalid>",
                "DATA",
                "Subject: essai\r\n\r\nhttp://127.0.0.1:1/m/jeton\r\n.",
                "QUIT",
            ],
        );
        assert!(replies[2].starts_with("550 5.1.1"), "{}", replies[2]);
        assert!(
            replies[3].starts_with("250") && replies[5].starts_with("250"),
            "{replies:?}"
        );
        let mails = mailbox.mails().unwrap();
        assert_eq!(mails.len(), 1);
        let kept = std::fs::read_to_string(&mails[0]).unwrap();
        assert!(kept.starts_with("Subject: essai\r\n"), "{kept}");
    }

    #[test]
    fn the_link_is_found_in_both_transfer_encodings() {
        let mail = |encoding: &str, text: &str| {
            format!(
                "From: a\r\n\r\n--b\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{text}\r\n--b\r\nhttp://x/m/non\r\n--b--\r\n"
            )
        };
        let soft = mail(
            "quoted-printable",
            "ici :\r\n    http://127.0.0.1:1/m/je=\r\nton\r\nfin",
        );
        assert_eq!(
            link_in(&soft).as_deref(),
            Some("http://127.0.0.1:1/m/jeton")
        );
        let packed = mail("base64", "aWNpIGh0dHA6Ly8xMjcuMC4wLjE6MS9tL2pldG9u");
        assert_eq!(
            link_in(&packed).as_deref(),
            Some("http://127.0.0.1:1/m/jeton")
        );
        assert_eq!(link_in("no body"), None);
    }
}
