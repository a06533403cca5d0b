//! Counts and hashes what passes through a reader or writer.

use std::{
    fmt::Write as _,
    io::{self, Read, Write},
};

use sha2::{Digest as _, Sha256};

/// A reader or writer, with the number and the SHA-256 of its bytes.
pub(super) struct Checksum<T> {
    inner: T,
    bytes: u64,
    hash: Sha256,
}

impl<T> Checksum<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, bytes: 0, hash: Sha256::new() }
    }

    pub(super) fn inner(&self) -> &T {
        &self.inner
    }

    /// The number of bytes, and their SHA-256 as hexadecimal digits.
    pub(super) fn finish(self) -> (u64, String) {
        let digits = self.hash.finalize().iter().fold(String::new(), |mut digits, byte| {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        });
        (self.bytes, digits)
    }

    fn count(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }
}

impl<T: Read> Read for Checksum<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count(&buffer[..count]);
        Ok(count)
    }
}

impl<T: Write> Write for Checksum<T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.count(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
