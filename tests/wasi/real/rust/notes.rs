//! A command-line tool over a directory of notes: `notes DIR COMMAND ARGS`, several commands separated
//! by `,`. Adds, lists, searches, counts words, renames, links, tags and exports; std alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn checksum(data: &[u8]) -> u32 {
    data.iter().fold(0xffff_ffff_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 })
    }) ^ 0xffff_ffff
}

fn run(dir: &Path, args: &[String], out: &mut impl Write) -> Result<()> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["add", name, ref text @ ..] => {
            let path = dir.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            writeln!(file, "{}", text.join(" "))?;
            writeln!(out, "added {} bytes to {name}", file.metadata()?.len())?;
        }
        ["import", name] => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            fs::write(dir.join(name), &text)?;
            writeln!(out, "imported {} lines", text.lines().count())?;
        }
        ["list"] => {
            for path in files(dir)? {
                let data = fs::read(&path)?;
                writeln!(out, "{:08x} {:6} {}", checksum(&data), data.len(), path.strip_prefix(dir)?.display())?;
            }
        }
        ["find", what] => {
            for path in files(dir)? {
                for (i, line) in BufReader::new(File::open(&path)?).lines().enumerate() {
                    let line = line?;
                    if line.to_lowercase().contains(&what.to_lowercase()) {
                        writeln!(out, "{}:{}: {line}", path.strip_prefix(dir)?.display(), i + 1)?;
                    }
                }
            }
        }
        ["words", n] => {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for path in files(dir)? {
                for word in fs::read_to_string(path)?.split(|c: char| !c.is_alphanumeric()) {
                    if !word.is_empty() {
                        *counts.entry(word.to_lowercase()).or_default() += 1;
                    }
                }
            }
            let mut sorted: Vec<_> = counts.into_iter().collect();
            sorted.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
            for (word, count) in sorted.into_iter().take(n.parse()?) {
                writeln!(out, "{count:5} {word}")?;
            }
        }
        ["move", from, to] => fs::rename(dir.join(from), dir.join(to))?,
        ["copy", from, to] => writeln!(out, "copied {}", fs::copy(dir.join(from), dir.join(to))?)?,
        ["link", from, to] => fs::hard_link(dir.join(from), dir.join(to))?,
        ["remove", name] => fs::remove_file(dir.join(name))?,
        ["patch", name, at, text] => {
            let mut file = OpenOptions::new().read(true).write(true).open(dir.join(name))?;
            file.seek(SeekFrom::Start(at.parse()?))?;
            file.write_all(text.as_bytes())?;
            let end = file.seek(SeekFrom::End(0))?;
            file.sync_all()?;
            writeln!(out, "patched, {end} bytes")?;
        }
        ["cut", name, size] => OpenOptions::new().write(true).open(dir.join(name))?.set_len(size.parse()?)?,
        ["export", name] => {
            let mut file = BufWriter::new(File::create(dir.join(name))?);
            let mut tags = BTreeSet::new();
            for path in files(dir)?.into_iter().filter(|p| p.extension().map_or(false, |e| e == "txt")) {
                let text = fs::read_to_string(&path)?;
                tags.extend(text.split_whitespace().filter(|w| w.starts_with('#')).map(str::to_owned));
                writeln!(file, "{:?}: {text:?}", path.strip_prefix(dir)?)?;
            }
            writeln!(file, "{tags:?}")?;
            file.flush()?;
        }
        ["show", name] => {
            io::copy(&mut File::open(dir.join(name))?, out)?;
        }
        ["sieve", n] => {
            let n: usize = n.parse()?;
            let mut composite = vec![false; n + 1];
            let mut primes = 0usize;
            for i in 2..=n {
                if !composite[i] {
                    primes += 1;
                    (i * i..=n).step_by(i).for_each(|k| composite[k] = true);
                }
            }
            writeln!(out, "{primes} primes up to {n}")?;
        }
        _ => return Err(format!("unknown command {args:?}").into()),
    }
    Ok(())
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (dir, rest) = args.split_first().ok_or("usage: notes DIR COMMAND ARGS , ...")?;
    let stdout = io::stdout();
    let mut out = stdout.lock();
    let mut failed = 0;
    for command in rest.split(|word| word == ",") {
        writeln!(out, "> {}", command.join(" "))?;
        if let Err(error) = run(Path::new(dir), command, &mut out) {
            failed += 1;
            writeln!(out, "error: {error}")?;
        }
    }
    out.flush()?;
    std::process::exit(failed)
}
