// Known answers. Each vector is a published one; its source stands beside it.
// made-by: NIST (FIPS 180-4, GCM specification), IETF (RFC 6979, RFC 8032), C2SP Wycheproof, and
// the standards GB/T 32905-2016 and GB/T 32918.5-2017. None was computed by this program.
#include <openssl/evp.h>

#include <memory>

#include "base/encoding.h"
#include "hsm/algorithm.h"
#include "hsm/public_key.h"
#include "hsm/self_test.h"

namespace hsm {
namespace {

struct HashAnswer {
  std::string_view name;
  std::string_view digest;  // of "abc"
  base::Bytes (*hash)(base::BytesView);
};

constexpr HashAnswer kHashes[] = {
    // FIPS 180-4, example of SHA-256, one block
    {"sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
     [](base::BytesView in) { return base::to_bytes(base::sha256(in)); }},
    // FIPS 180-4, example of SHA-384, one block
    {"sha384",
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
     "8086072ba1e7cc2358baeca134c825a7",
     [](base::BytesView in) { return base::to_bytes(base::sha384(in)); }},
    // GB/T 32905-2016 A.1
    {"sm3", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
     [](base::BytesView in) { return base::to_bytes(base::sm3(in)); }},
};

struct SignatureAnswer {
  std::string_view name;
  Algorithm algorithm;
  std::string_view spki, message, signature;  // hex
};

constexpr SignatureAnswer kSignatures[] = {
    // RFC 6979 A.2.5: "sample" with SHA-256
    {"ecdsa_p256 verify", Algorithm::ecdsa_p256,
     "3059301306072a8648ce3d020106082a8648ce3d0301070342000460fed4ba255a9d31c961eb74c6356d68c049b8"
     "923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
     "73616d706c65",
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e2"
     "9f65f3e900dbb9aff4064dc4ab2f843acda8"},
    // RFC 6979 A.2.6: "sample" with SHA-384
    {"ecdsa_p384 verify", Algorithm::ecdsa_p384,
     "3076301006072a8648ce3d020106052b8104002203620004ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92"
     "e02e06aae5286b300c64def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c621896708a593"
     "67f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
     "73616d706c65",
     "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fa"
     "be4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a"
     "38628ac8"},
    // Wycheproof (C2SP), rsa_signature_3072_sha256_test.json, test 3
    {"rsa_3072 verify", Algorithm::rsa_3072,
     "308201a2300d06092a864886f70d01010105000382018f003082018a0282018100c6fe23792566023c265287c5ac"
     "6f71541c0994d11d059ee6403986efa21c24b51bd91d8862f9df79a4e328e3e27c83df260b25a9b43420affc44b5"
     "1e8d7525b6f29c372a405104732007527a62ed82fac73f4892a80e09682a41a58cd347017f3be7d801334f92d932"
     "1aafd53b51bffabfc752cfccae0b1ee03bdaff9e428cc1c117f1ac96b4fe23f8c23e6381186a66fd59289339ae55"
     "c4bcdadbff84abdaa532240d4e1d28b2d0481dadd3b246557ca8fe18092817730b39e6ee378ffcc85b19ffdc916a"
     "9b991a6b66d4a9c7bab5f5e7a3722101142e7a4108c15d573b15289e07e46eaea07b42c2abcba330e99554b46561"
     "65bb4c0db2b6393a07eca575c51a93c4e15bdb0f747909447e3efe34c67ca8954b530e56a20a1b6d84d45ed1bcd3"
     "aa58ec06f184ee5857aaa819e1cca9a26f4e28d6b977d33916db9896d252d1afa762e287cb0d384cc75bfe53f4e9"
     "22d02dd0a481c042e2d306b4b3c189371e575b25e0005a164cf69dd0976e4d5be476806ea6be6084e71ab4f5ac5c"
     "1b12030203010001",
     "54657374",
     "5819a699691c01a7f35f0bb1831a1cb65631ef693f7c9ef89f1e8460ee2ec312f6fd38fe382b3bf4db8f5d208146"
     "c32c5ed2d3b13105743767a73529bfddb5753c8cc13148d41db97f69ea1dee0ef1e1de990ff565f633bd3cfd315a"
     "7dafc70aa7f27d4f6486a2f1e2711e7919c5c73c518069338c0ac984d75f58b00fb0eee0f7da6c9c84d979551374"
     "17df8f20c02b7893b5cd929ba37f6b3278a1bd35748e14086c5f7100abf2edebeab5f767bb83d999a61cc27531bb"
     "67e44a92004fba9944b9c5f770bc66671d2efc74e01fbbd2885c5175a1fd72b91937c324b8d99d3592bfb73efb96"
     "41b87949266de441b61d180e141de510ae0cdefc2160df918c08c53799f050ca4eeb3a8b6b5ed35b8b59d3acd13a"
     "600a8a137eb1b8c1abbf55f3e99cf52d7092d1e3acc08583b04aa25a052668bc982abf060ffb17c1782daf76fbd6"
     "9e7fc9510c5c6a68bd525719be5b81d0f2a8b961f1aeac7dc13aeeeef9986c7a47b34f8b96167d79f7ec458fef73"
     "45c1c31bba599d09b3fe33e738bc7da1"},
    // Wycheproof (C2SP), rsa_signature_4096_sha256_test.json, test 3
    {"rsa_4096 verify", Algorithm::rsa_4096,
     "30820222300d06092a864886f70d01010105000382020f003082020a0282020100956353ecb7561945dc5544e460"
     "2466078c93f28507701ffd39e2a9813c8ac8740e6ad61c955d484e513b3dcea527e001a018ee2c207c1806a96763"
     "280236cd3c820dff79837c9b709cb4b522d3ddbc9192242259c43be75ea244d37ccfa8a4c75024a2cf7cc76e842e"
     "a69cc7ca1227405b070047387a5068e4976e4b8ed5f9aadd7b4db024fbb8d7bd8a040d8f6610c1c6eb1d4b606dfd"
     "182235d0360880304d5a750603af0c424b8c8e6dbc12c3697d2d609c97547e774e2e362ea96d1690dc9432112c53"
     "5258b3db2c4c32ad510d6c07ad0788357883869efb8b629298724847925cf42b34386be700f02903db5852276bee"
     "2370941f397bdc3905e30964a0b5e73602703340960c3ed6078263b611f197955fecce4b9a32e43cd1d2e5e87c4c"
     "eb65edc8853a7ee31d28e16e5adffb8ac7b760fbfc63d5f174f4d0936461dbb12c964a6b6d6cee752e5fca1ab4a9"
     "fd238dd3e8860a1d763d2019f9e7b99ed7666d4e038710f90e0093bc566987d6c0092f571376e705b342d066c54e"
     "6e2578927b92c1f0928de44e9a6e1f49b907c6aa4f605ec9c398d55df81c67373b03cc8110162fb417f96fd32104"
     "8647dfcbb392455115cd912ea83351853e6a185284648842adcbd25e67174a3b93b8a64ce2ce9de0e8577b8b662c"
     "e32e2565782665dd38e5bb5fcc4fe12e4320dab7773b545a09c6d39d9dbad459f21f3e624ee6ed0203010001",
     "54657374",
     "43929c2fb0986fc4570a3ee7f6701b96a78ec9297a997415a142ae539031c0e196add5e4c6ec572de0a2b109cf23"
     "a42567ebe98f42cf312d07538e4a32b0f20403b662c652ba9e3d6e38a625d6b5e91cce5c810d7a02262338e144a5"
     "7db4ac4debfc536e8eaca7fe08022a2f64741d66d25e3010f2fd259d4c6b00582584bbbdcde4266d86eddfd0443f"
     "f24b06cf7ade6d733c637a48a398dbb28355ffb9bd21a49de6b345ef635b68d917b5bfcb9016f7c64c444dc0036e"
     "cab8f59b0d29098facca02335df44db87d30d02f08553ffd0379b33d13d09a385cae7d63b6db52e9b1eb8fd549e0"
     "e1e18210de1d3e9527547e5c72f816eb36288b09d96db772f955ca46fc8cbdb6eea93c841e1075c00c3c45e9442d"
     "28095136cc5ce8212ed8c60c9668898ab5d64734d4d0f2311f104cf8a732e6d88fb2064cb57bd54d3cdef7c11c84"
     "0ecb238466c747289233a317b73785778ff4349949da47c9b4b2dc9f89bd1fe7e98b582500dfc05dba3fa410cca6"
     "6acd854669940543c22ed1038eac7f0212b9ce4aedba0eb15ea1e75a73c45c1ae03fd241662e9cb89b051939c468"
     "db3a0adab822617b5bc669d1e0226cf6b475445d9d5e77ef54ed646cd81f0952b949b7f4f37381ba6427e0609664"
     "67a76e1d9261a5fe8c68398a89eb5025cc39339885b6c33dde898a159f0af4acc81461fae37f5f4c61de4a888dc4"
     "f6b1e2b7336f"},
    // RFC 8032 7.1, TEST 2
    {"ed25519 verify", Algorithm::ed25519,
     "302a300506032b65700321003d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
     "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
     "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
    // GB/T 32918.5-2017 A.2: "message digest" with the default user id
    {"sm2 verify", Algorithm::sm2,
     "3059301306072a8648ce3d020106082a811ccf5501822d0342000409f9df311e5421a150dd7d161e4bc5c672179f"
     "ad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13",
     "6d65737361676520646967657374",
     "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d42"
     "1ca1bb9038fd1f7f42d4840b69c485bbc1aa"},
};

// McGrew and Viega, The Galois/Counter Mode of Operation (as submitted to NIST), test case 16.
constexpr std::string_view kGcmKey =
    "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
constexpr std::string_view kGcmIv = "cafebabefacedbaddecaf888";
constexpr std::string_view kGcmBound = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
constexpr std::string_view kGcmClear =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
constexpr std::string_view kGcmSealed =
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";
constexpr std::string_view kGcmTag = "76fc6ece0f4e1768cddf8853bb2d551b";

base::Bytes octets(std::string_view hex) {
  return base::from_hex(hex).value();
}

SelfTestResult verify(const SignatureAnswer& answer) {
  SelfTestResult result{std::string(answer.name), false};
  KeyInfo key;
  key.label = answer.name;
  key.algorithm = answer.algorithm;
  key.public_key = octets(answer.spki);
  const auto check = SignatureCheck::make(key.algorithm, key.public_key);
  const auto input = input_of(key, octets(answer.message));
  auto signature = octets(answer.signature);
  if (!check.ok() || !input.ok() || !(*check)->good(*input, signature)) {
    result.why = "the known signature does not verify";
    return result;
  }
  signature[signature.size() / 2] ^= 1;
  result.passed = !(*check)->good(*input, signature);
  if (!result.passed) result.why = "a bent signature verifies";
  return result;
}

/// Both ways, and a bent tag.
SelfTestResult gcm() {
  SelfTestResult result{"aes_256 gcm", false};
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(
      EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const auto key = octets(kGcmKey), iv = octets(kGcmIv), bound = octets(kGcmBound);
  const auto run = [&](const base::Bytes& in, base::Bytes& tag, bool seal) {
    int size = 0;
    base::Bytes out(in.size());
    auto* c = context.get();
    bool good =
        c != nullptr &&
        EVP_CipherInit_ex(c, EVP_aes_256_gcm(), nullptr, key.data(), iv.data(), seal ? 1 : 0) ==
            1 &&
        EVP_CipherUpdate(c, nullptr, &size, bound.data(), static_cast<int>(bound.size())) == 1 &&
        EVP_CipherUpdate(c, out.data(), &size, in.data(), static_cast<int>(in.size())) == 1;
    if (good && !seal) good = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, tag.data()) == 1;
    good = good && EVP_CipherFinal_ex(c, nullptr, &size) == 1;
    if (good && seal) {
      tag.resize(16);
      good = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag.data()) == 1;
    }
    return good ? out : base::Bytes{};
  };
  base::Bytes tag;
  const auto sealed = run(octets(kGcmClear), tag, true);
  if (sealed != octets(kGcmSealed) || tag != octets(kGcmTag))
    result.why = "another ciphertext or tag";
  else if (run(sealed, tag, false) != octets(kGcmClear))
    result.why = "it does not open again";
  else if (tag[0] ^= 1; !run(sealed, tag, false).empty())
    result.why = "a bent tag opens";
  result.passed = result.why.empty();
  return result;
}

}  // namespace

std::vector<SelfTestResult> known_answers() {
  std::vector<SelfTestResult> results;
  for (const auto& one : kHashes) {
    const bool right = one.hash(base::as_bytes("abc")) == octets(one.digest);
    results.push_back({std::string(one.name), right, right ? "" : "another digest"});
  }
  for (const auto& one : kSignatures) results.push_back(verify(one));
  results.push_back(gcm());
  return results;
}

}  // namespace hsm
