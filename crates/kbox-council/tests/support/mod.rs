// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A mail server in memory.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use kbox_council::Relay;
use mailin_embedded::{Handler, Response, Server, response};

#[derive(Clone, Default)]
pub(crate) struct Inbox {
    pub(crate) mails: Arc<Mutex<Vec<Vec<u8>>>>,
    pub(crate) refuse: Arc<Mutex<Vec<(String, u16)>>>,
    bytes: Vec<u8>,
}

impl Handler for Inbox {
    fn rcpt(&mut self, to: &str) -> Response {
        match self
            .refuse
            .lock()
            .unwrap()
            .iter()
            .find(|(address, _)| to.contains(address.as_str()))
        {
            Some((_, code)) => Response::custom(*code, format!("{to} refused")),
            None => response::OK,
        }
    }
    fn data(&mut self, buf: &[u8]) -> std::io::Result<()> {
        self.bytes.extend_from_slice(buf);
        Ok(())
    }
    fn data_end(&mut self) -> Response {
        self.mails
            .lock()
            .unwrap()
            .push(std::mem::take(&mut self.bytes));
        Response::custom(250, "2.0.0 kept".into())
    }
}

impl Inbox {
    /// Starts it, and gives the relay that leads there.
    pub(crate) fn start(&self) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut server = Server::new(self.clone());
        server.with_tcp_listener(listener);
        std::thread::spawn(move || server.serve().map_err(|error| error.to_string()));
        Relay {
            host: "127.0.0.1".into(),
            port,
            from: "secretariat@doullens.invalid".into(),
            from_name: "Secrétariat".into(),
        }
    }
}

/// The secrets of the members' links, in the order of the mails.
pub(crate) fn tokens(inbox: &Inbox) -> Vec<String> {
    let mails = inbox.mails.lock().unwrap();
    mails
        .iter()
        .map(|mail| {
            let text = String::from_utf8_lossy(mail).replace("=\r\n", "");
            let at = text.find("/m/").unwrap() + 3;
            text[at..at + 43].to_string()
        })
        .collect()
}
