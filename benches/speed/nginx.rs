//! nginx: serves the bytes of a page as a file, with the page's headers.

use std::{fs, net::TcpListener, net::TcpStream, process::Command};

use nix::unistd::geteuid;
use reqwest::header;

use crate::{
    Failure,
    http::PageResponse,
    options,
    program::{self, Running},
};

/// Headers that nginx adds itself.
const OWN_HEADERS: [header::HeaderName; 7] = [
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONNECTION,
    header::DATE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::SERVER,
];

/// A running nginx.
pub struct Nginx {
    _process: Running,
    pub address: String,
}

impl Nginx {
    /// Serves `page` at `/public`.
    pub fn start(page: &PageResponse) -> Result<Self, Failure> {
        let directory = options::directory().join("nginx");
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("public"), &page.body)?;
        // An empty log, as for the server.
        fs::write(directory.join("access.log"), "")?;
        // The port was free a moment ago; the machine is otherwise idle.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let configuration = directory.join("nginx.conf");
        fs::write(&configuration, configured(&address, page))?;
        let log = directory.join("error.log");
        let mut command = Command::new(program::find("nginx")?);
        command.arg("-p").arg(&directory).arg("-c").arg(&configuration).arg("-e").arg(&log);
        let process = Running::start(&mut command)?;
        program::eventually("nginx listens", || TcpStream::connect(&address).ok())?;
        Ok(Self { _process: process, address })
    }
}

fn configured(address: &str, page: &PageResponse) -> String {
    // As root, nginx would switch to a user that cannot read this directory.
    let user = if geteuid().is_root() { "user root;" } else { "" };
    let headers: String = page
        .headers
        .iter()
        .filter(|(name, _)| !OWN_HEADERS.contains(name))
        .filter_map(|(name, value)| {
            let value = value.to_str().ok()?.replace('"', "\\\"");
            Some(format!("      add_header {name} \"{value}\";\n"))
        })
        .collect();
    format!(
        "{user}
daemon off;
worker_processes auto;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log access.log combined buffer=64k flush=1s;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_body_temp_path temp;
  proxy_temp_path temp;
  fastcgi_temp_path temp;
  uwsgi_temp_path temp;
  scgi_temp_path temp;
  default_type \"text/html; charset=utf-8\";
  server {{
    listen {address};
    location = /public {{
      root .;
{headers}    }}
  }}
}}
"
    )
}
