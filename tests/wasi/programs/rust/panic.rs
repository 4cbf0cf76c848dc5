//! A panic is a trap, after its message.

fn main() {
    let none: Option<u32> = std::env::args().nth(99).map(|_| 1);
    println!("{}", none.expect("there is no such argument"));
}
