//! Tags: short texts that make the names of one run or check differ from those of all others.

/// A random number for a tag or a seed. Two runs practically never draw the same.
pub fn draw() -> u64 {
    // 32 bits are short enough to type.
    rand::random::<u32>().into()
}

/// The tag of a number: its digits in base 36, from 0 to 9 and a to z.
pub(crate) fn of(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        // The remainder is below 36, so there is a digit.
        digits.extend(char::from_digit((number % 36) as u32, 36));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_number_in_base_36() {
        assert_eq!([0, 35, 36, 1_295].map(of), ["0", "z", "10", "zz"]);
        assert_eq!(of(u64::MAX), "3w5e11264sgsf");
    }
}
