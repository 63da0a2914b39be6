//! Free ports on loopback. They are taken below the range that the kernel gives to outgoing connections, so that none
//! is lost between choosing it and the server's own bind.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, anyhow};

const FIRST: u32 = 18_000;
const COUNT: u32 = 14_000;

/// A port that nobody listens on, and that this process hands out once.
pub fn free() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Neighbouring processes start far apart.
    let start = std::process::id().wrapping_mul(641);
    for _ in 0..COUNT {
        let candidate = FIRST + (start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT);
        let port = u16::try_from(candidate)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(anyhow!("no free port on loopback between {FIRST} and {}", FIRST + COUNT))
}
