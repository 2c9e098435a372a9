/**
 * What comes out, recorded once on Node 20: every runtime must give the same. The digests of `abc` and of nothing
 * are the published ones (FIPS 180-4, the BLAKE3 test vectors).
 */
export const recorded: Readonly<Record<string, string>> = {
  'ID of the made image': 'sha256:f74b06bc507f92bc5e30cbcbd04bd02591f363f3dfa16ad10400b63666730a20',
  'archive of the made image': 'sha256:b64b2e1b523426f0c0c155f9b124ae4c4bfc175bf2dcc4c7f241ad23bd74dd13',
  'archive of the made image, edited':
    'sha256:d32d0f9533b3c2f9ddb0f9424fcc5fb8cd07d2452bcf2e78ff2f0018a4466ff4',
  'blake3 of 300001 bytes': 'blake3:2dc2559272cd7b59338ca8d1a8057991cea2fa04e877d929ba7b7e10f052bd77',
  'blake3 of abc': 'blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85',
  'blake3 of nothing': 'blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
  'damaged gzip': 'COMPRESSION_INVALID 35, COMPRESSION_TRUNCATED 36, DIFF_ID_MISMATCH 1; 674e9871a326',
  'damaged none': 'DIFF_ID_MISMATCH 98, TAR_INVALID 126, TAR_TRUNCATED 166; 874202f6a3de',
  'damaged zstd': 'COMPRESSION_TRUNCATED 194, DIFF_ID_MISMATCH 69, TAR_INVALID 127; 4d6321c80123',
  'entries of my-image, linux/amd64':
    'sha256:2ead0ffcfaf8fb8327a1138db8684ae9caa0a4b50613c132fdbf4355c6748d33',
  'entries of my-image, linux/arm64':
    'sha256:fc86aa9590e715acbb7cc8416de1c27c4f0cdc0b6cd3ed6adeb68b42db5cb272',
  'entries of the made image': 'sha256:f6b9775269400fe35c6ac08a26c281c164ea97fe1294ed3e238fa458c7307207',
  'layers of the made image':
    'sha256:24391b76a0dbfafa748043fbf06ac77c8ea48133ce8ee517ffdfa54769bbc8f4 sha256:5fd1bc4fe27edd1736117edef3b5238b9de679e0bfe5e531ac396212b7260701 sha256:b0e6f440e20f843f65b7a6eca82d99d384333f3781aba687803f78169df458b1',
  'my-image': 'sha256:b19e1133423c5057c6c6d81b888b7c1f9535444a9107be6d91a0d19e7b86a54f',
  'my-image edited, linux/amd64': 'sha256:dcddfdc9bf244d43741a1c30b31a1ec621ec1b49657fa58120150a02475550ce',
  'my-image edited, linux/arm64': 'sha256:e5f4e0397036da835de34417c71601e09c718aa83a91b389914b1f401b985838',
  'my-image packed': 'sha256:39eeb0b3842487911e7a680003756d5a17a695ab889a02122c8392473ad3c990',
  'my-image unpacked': 'sha256:b5c94a3bf68843573421a5b4001a1e32733190b09fa4f7f2c7d9a100bed0e6cc',
  'reproducible gzip': 'sha256:be503641e0192be38a40e622ffb38c0875c163d0a75efa8a6bdadb06b40fd5ae',
  'reproducible gzip, level 9': 'sha256:47527b4fe7cebe3bb41d26267e7dcac688014492df8026ba16daec0399906cdb',
  'sha256 of 300001 bytes': 'sha256:343c6ef68ce098d42bc925c707a2b42b7c3b8bca05ce80729891f3010b0da938',
  'sha256 of abc': 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  'sha256 of nothing': 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'sha512 of 300001 bytes':
    'sha512:413e86020d84d4bd006a00bd98b575b2733a3dfeb80cf339478743c1bb67527be83e8ff78472956cb743ca87938a36d5b5678ab058fa5035155e227945697335',
  'sha512 of abc':
    'sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  'sha512 of nothing':
    'sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e',
  'the made image': 'sha256:723cd7cfb77f26e593d2cdb66cfa364abb16f46a6622d284068ea3467e969f67',
  'the made image as docker archive':
    'sha256:d4f85424594846caa73dd2c50ccd7fd8f10ed7cf286939a23bd7258efdf64d6c',
  'the made image as oci archive': 'sha256:cf0eaa4006775df149cfa4df3638778b0dcde53ef3e1585b5e0151016444b819',
  'the made image, edited': 'sha256:092077816c297dd13d5097a50e8200b718d892c537d8ddb6dcd44c85f748842f',
  'the made image, flattened': 'sha256:25ba9702df96c49f8352acaeaa727d9a4bd1cc7e8434f55988a529d556287660',
  'the made image, recompressed': 'sha256:72e1a3ab55756b23e92e67162201d8bbaeb7ba652a0a39a0c474c63fb35b78af',
  'tree of the made image': 'sha256:2983df446a2ed5b1ce7128013fb5817678b32ed6efb3ebae050787771a3f6485',
}
