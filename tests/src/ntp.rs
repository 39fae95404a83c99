// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A real NTP server, chrony's, on loopback. It serves this machine's own clock and never sets it (`-x`).

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// One chronyd, with a folder of its own; both are gone when dropped.
pub struct Chronyd {
    child: Child,
    folder: PathBuf,
    address: SocketAddrV4,
}

impl Chronyd {
    /// Starts on a free port, and waits until it answers.
    pub fn start() -> Self {
        Self::start_at(1)
    }

    /// As [`Chronyd::start`], as the host 127.0.0.`host`: a host has one vote.
    pub fn start_at(host: u8) -> Self {
        let host = Ipv4Addr::new(127, 0, 0, host);
        let socket = UdpSocket::bind((host, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        drop(socket);
        Self::start_on(SocketAddrV4::new(host, port))
    }

    /// As [`Chronyd::start`], at an address that was its own before.
    pub fn start_on(address: SocketAddrV4) -> Self {
        let (host, port) = (address.ip(), address.port());
        let name = format!("kbox-chrony-{}-{host}-{port}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let settings = format!(
            "local stratum 3\nport {port}\nbindaddress {host}\nallow 127.0.0.0/8\ncmdport 0\nbindcmdaddress /\npidfile {}\n",
            folder.join("pid").display()
        );
        fs::write(folder.join("conf"), settings).unwrap();
        // Debian keeps it where not every user's PATH looks.
        let program = ["/usr/sbin/chronyd", "/usr/bin/chronyd"]
            .into_iter()
            .find(|path| fs::exists(path).unwrap_or(false))
            .unwrap_or("chronyd");
        let child = Command::new(program)
            .args(["-x", "-d", "-u", "root", "-f"])
            .arg(folder.join("conf"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("chronyd cannot be run ({error}): `make setup` installs it (Debian: chrony)")
            });
        let mut chronyd = Self {
            child,
            folder,
            address,
        };
        chronyd.wait();
        chronyd
    }

    fn wait(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let mut question = [0; 48];
        question[0] = 0x23;
        let started = Instant::now();
        loop {
            let asked = socket.send_to(&question, self.address);
            if asked.is_ok() && socket.recv(&mut [0; 48]).is_ok() {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < Duration::from_secs(30),
                "chronyd does not answer (it runs as root only): {}",
                fs::read_to_string(self.folder.join("log")).unwrap()
            );
        }
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// As kbox is told of it.
    pub fn server(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Chronyd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// `[clock]` for these servers.
pub fn clock_of(servers: &[Chronyd]) -> String {
    let names: Vec<String> = servers.iter().map(Chronyd::server).collect();
    format!("[clock]\nsource = \"sntp\"\npoll_s = 1\nservers = {names:?}\n")
}
