//! Verification of a password by the scheme of its hash.

use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::domain::{Digest, InvalidHash, PasswordHash, Pbkdf2, Scrypt};

/// The iterations of [`hash_other`], as OWASP recommends for SHA-256.
const ITERATIONS: u32 = 600_000;
const SALT_BYTES: usize = 8;
const SHA256_BYTES: usize = 32;

/// A failure of a hash function.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    /// bcrypt failed.
    #[error(transparent)]
    Bcrypt(#[from] bcrypt::BcryptError),
    /// bcrypt made a hash of another form.
    #[error(transparent)]
    Form(#[from] InvalidHash),
    /// scrypt rejects parameters within the bounds of a hash.
    #[error(transparent)]
    ScryptParameters(#[from] scrypt::errors::InvalidParams),
    /// scrypt rejects the length of a key.
    #[error(transparent)]
    ScryptLength(#[from] scrypt::errors::InvalidOutputLen),
}

/// Whether the hash is that of this password. Compares in constant time.
pub(super) fn verify(password: &str, hash: &PasswordHash) -> Result<bool, HashingError> {
    match hash {
        PasswordHash::Bcrypt(hash) => Ok(bcrypt::verify(password, &hash.expose())?),
        PasswordHash::WerkzeugPbkdf2(hash) | PasswordHash::PredecessorPbkdf2(hash) => {
            Ok(is_key(&pbkdf2_key(password, hash), hash.expose_key()))
        }
        PasswordHash::WerkzeugScrypt(hash) => {
            Ok(is_key(&scrypt_key(password, hash)?, hash.expose_key()))
        }
    }
}

/// Hashes a password that bcrypt cannot hold, which only an imported user has: PBKDF2 as werkzeug writes it.
pub fn hash_other(password: &str) -> Result<PasswordHash, HashingError> {
    let salt: String = rand::random::<[u8; SALT_BYTES]>().iter().map(hexadecimal).collect();
    let mut key = [0; SHA256_BYTES];
    pbkdf2_hmac::<Sha256>(password.as_bytes(), salt.as_bytes(), ITERATIONS, &mut key);
    let key: String = key.iter().map(hexadecimal).collect();
    Ok(PasswordHash::parse(&format!("pbkdf2:sha256:{ITERATIONS}${salt}${key}"))?)
}

fn hexadecimal(byte: &u8) -> String {
    format!("{byte:02x}")
}

fn is_key(derived: &[u8], stored: &[u8]) -> bool {
    derived.ct_eq(stored).into()
}

fn pbkdf2_key(password: &str, hash: &Pbkdf2) -> Vec<u8> {
    let derive = match hash.digest() {
        Digest::Sha1 => pbkdf2_hmac::<Sha1>,
        Digest::Sha256 => pbkdf2_hmac::<Sha256>,
        Digest::Sha512 => pbkdf2_hmac::<Sha512>,
    };
    let mut key = vec![0; hash.expose_key().len()];
    derive(password.as_bytes(), hash.salt(), hash.iterations(), &mut key);
    key
}

fn scrypt_key(password: &str, hash: &Scrypt) -> Result<Vec<u8>, HashingError> {
    let parameters = scrypt::Params::new(hash.log_n(), hash.r(), hash.p())?;
    let mut key = vec![0; hash.expose_key().len()];
    scrypt::scrypt(password.as_bytes(), hash.salt(), &parameters, &mut key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes of `pässwörd`, made by werkzeug, and by .NET's `Rfc2898DeriveBytes` as the predecessor
    /// uses it.
    fn hashes() -> Vec<PasswordHash> {
        let werkzeug = [
            "pbkdf2:sha256:50000$fvo2aT3d$aa524a49b416c8f279e9bba61c50ecb3ea8e45a606428c6768510a7d4b7a7141",
            "pbkdf2:sha256:1000$K7Lk9s0Qz1XyAbCd$21d5165bc2b7939345ca18850d376313282a73ac56952fa80b4beaabfbbc98d6",
            "pbkdf2:sha1:1000$aB3dE6gH$926efeee04ae558f5f098ba3180b5ddabbd0021c",
            "pbkdf2:sha512:2000$aB3dE6gH$5f32ece28e687bfc94b151855fe2bcdc947fa01ae318b035c49a123aa61d69aeb42761ea0c63aa98bb167397c59e44814c7bd5d788e470b8e5bd62ff535f78b5",
            "scrypt:32768:8:1$2kQ8d6Wm4nVtRzXy$0baf930ec49ed52b8c6941dcd256698e4dadf0bebf1b6e10a46de66eabad52f1a8c1fd3ea2a38be2c0d93de06e246a534b9ff5f9f98a1f74ed59e277d1a49ebf",
            "scrypt:1024:8:2$2kQ8d6Wm4nVtRzXy$84eaa07c376c78699cb4f390123b44a8237493438615b473be7b136be7bc4a0e008efa90420f58c369ac9e19e2a2723c6fa4a11f56b3d13b047e1c3533befc3d",
            "scrypt:16:1:1$2kQ8d6Wm$9413b9f7b264095a6a5bdc6df3a5ef0e8c25d33e257030dc6590cdd04a0a042705743a6f148821895ef68e11bf263ff3682eb5bc5e509fd7b15415872d1f0298",
        ];
        let predecessor = PasswordHash::parse_predecessor(
            "N1RHk5UEnZ4k4K8/kZu3+UNWciKqPUKSG5F3F4ZI54WuqHpsG5MullRIuMH2cG/dfrPvyz145V81XHWghDKMufZ+TDKCGA==",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERQ==",
        );
        let parsed = werkzeug.map(|hash| PasswordHash::parse(hash).expect(hash));
        parsed.into_iter().chain([predecessor.expect("valid")]).collect()
    }

    #[test]
    fn each_scheme_verifies_its_own_password_only() {
        for hash in hashes() {
            assert!(verify("p\u{e4}ssw\u{f6}rd", &hash).expect("verified"), "{hash:?}");
            for wrong in ["", "password", "p\u{e4}ssw\u{f6}rd ", "pa\u{308}sswo\u{308}rd"] {
                assert!(!verify(wrong, &hash).expect("verified"), "{hash:?} {wrong:?}");
            }
        }
    }

    #[test]
    fn every_hash_in_bcrypts_form_can_be_verified() {
        for rest in ["a", "/", "9", "."].map(|character| character.repeat(53)) {
            let hash = PasswordHash::parse(&format!("$2b$04${rest}")).expect("valid");
            assert!(!verify("secret", &hash).expect("verified"), "{rest}");
        }
        // The last characters of its salt and key, `u` and `W`, have zeros in their spare bits.
        let hash = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
        for (salt_end, key_end) in [('u', 'W'), ('v', 'X'), ('9', 'Z')] {
            let hash = format!("{}{salt_end}{}{key_end}", &hash[..28], &hash[29..59]);
            let hash = PasswordHash::parse(&hash).expect("valid");
            assert!(verify("secret", &hash).expect("verified"), "{salt_end} {key_end}");
        }
    }

    #[test]
    fn a_password_that_bcrypt_cannot_hold_is_verified() {
        let passwords = [String::new(), "x".repeat(73), "a\0b".to_owned()];
        for (password, hash) in passwords.iter().zip([
            "pbkdf2:sha256:1000$K7Lk9s0Q$daf8e8667478e79e9017cc4c39fe1f4c463903892cc903779ebb6bfc31192a30",
            "pbkdf2:sha256:1000$K7Lk9s0Q$96a58740c7034e2e8414ed256294069f3b8ed3e4714f2d5324dd9fc349eef1bc",
            "pbkdf2:sha256:1000$K7Lk9s0Q$346aedaf07d206b2bad7cd30bfd7010373a9f5b4afbde7a864dc57090f96b598",
        ]) {
            let hash = PasswordHash::parse(hash).expect(hash);
            assert!(verify(password, &hash).expect("verified"), "{password:?}");
            assert!(!verify(&format!("{password}x"), &hash).expect("verified"), "{password:?}");
        }
    }
}
