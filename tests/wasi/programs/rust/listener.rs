//! A listener that is open from the start, through `std::net`: lines are sent back in capitals until "quit".

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::wasi::io::FromRawFd;

fn main() -> std::io::Result<()> {
    // The directories come first: "/" is 3, "/other" is 4.
    let listener = unsafe { TcpListener::from_raw_fd(5) };
    loop {
        let (stream, _) = listener.accept()?;
        let mut line = String::new();
        let mut reader = BufReader::new(stream);
        reader.read_line(&mut line)?;
        let mut stream = reader.into_inner();
        write!(stream, "> {}bye\n", line)?;
        stream.flush()?;
        drop(stream);
        if line == "quit\n" {
            println!("done");
            return Ok(());
        }
    }
}
