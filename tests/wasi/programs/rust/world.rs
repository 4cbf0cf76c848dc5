//! Arguments, environment, standard streams, time and randomness through `std`.

use std::collections::HashMap;
use std::io::{self, BufRead, Read, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    assert_eq!(args, ["world", "--option", "ünïcode"]);
    let vars: HashMap<String, String> = std::env::vars().collect();
    assert_eq!((vars["NAME"].as_str(), vars.len()), ("value", 2));
    let stdin = io::stdin();
    let mut first = String::new();
    stdin.lock().read_line(&mut first)?;
    let mut rest = Vec::new();
    stdin.lock().read_to_end(&mut rest)?;
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(25));
    assert!(start.elapsed() >= Duration::from_millis(25));
    assert!(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() > 1_577_836_800);
    std::thread::yield_now();
    let stdout = io::stdout();
    let mut out = stdout.lock();
    writeln!(out, "first: {}", first.trim_end())?;
    writeln!(out, "rest: {} bytes", rest.len())?;
    out.write_all(&[0, 255, b'\n'])?;
    eprintln!("to stderr");
    std::process::exit(7)
}
