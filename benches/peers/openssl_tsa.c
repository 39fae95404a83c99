// SPDX-License-Identifier: Apache-2.0 OR MIT
/* OpenSSL's own timestamp responder (openssl/ts.h) in process: the baseline of our tokens.
 *
 *     openssl_tsa KEY.pem SIGNER.pem ROOT.pem QUERY.tsq
 *
 * For every line with a number on the standard input it answers the query so many times, from its DER to the response's
 * DER, and prints the nanoseconds of processor time that this took. The number 0 prints one response in hexadecimal.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ts.h>

static void fail(const char *what)
{
	fprintf(stderr, "openssl_tsa: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static FILE *open_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		fail(path);
	return file;
}

static X509 *certificate(const char *path)
{
	FILE *file = open_file(path);
	X509 *found = PEM_read_X509(file, NULL, NULL, NULL);
	if (!found)
		fail(path);
	fclose(file);
	return found;
}

static int64_t processor_nanos(void)
{
	struct timespec now;
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now))
		fail("no processor clock");
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* As ours: 128 bits. OpenSSL's command reads and writes a file for each, which is not what is measured here. */
static ASN1_INTEGER *next_serial(TS_RESP_CTX *responder, void *unused)
{
	unsigned char bytes[16];
	BIGNUM *number;
	ASN1_INTEGER *serial;
	(void)responder;
	(void)unused;
	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return NULL;
	bytes[0] = (bytes[0] & 0x7f) | 0x40;
	number = BN_bin2bn(bytes, sizeof bytes, NULL);
	serial = BN_to_ASN1_INTEGER(number, NULL);
	BN_free(number);
	return serial;
}

/* One query answered; the response's length. */
static int answer(TS_RESP_CTX *responder, const unsigned char *query, int length, unsigned char **der)
{
	BIO *in = BIO_new_mem_buf(query, length);
	TS_RESP *response = TS_RESP_create_response(responder, in);
	int size;
	if (!response || ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(response))) != 0)
		fail("no token was made");
	size = i2d_TS_RESP(response, der);
	if (size <= 0)
		fail("the response could not be encoded");
	TS_RESP_free(response);
	BIO_free(in);
	return size;
}

int main(int count, char **arguments)
{
	TS_RESP_CTX *responder = TS_RESP_CTX_new();
	STACK_OF(X509) *chain = sk_X509_new_null();
	unsigned char query[4096];
	char line[32];
	int length;
	FILE *file;
	EVP_PKEY *key;

	if (count != 5)
		fail("usage: openssl_tsa KEY.pem SIGNER.pem ROOT.pem QUERY.tsq");
	file = open_file(arguments[1]);
	key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	fclose(file);
	file = open_file(arguments[4]);
	length = (int)fread(query, 1, sizeof query, file);
	fclose(file);
	if (!key || !responder || !chain || !sk_X509_push(chain, certificate(arguments[3])))
		fail("the key or chain cannot be used");

	TS_RESP_CTX_set_serial_cb(responder, next_serial, NULL);
	/* The same content as our tokens: accuracy, milliseconds, ESSCertIDv2 by SHA-256, the whole chain. */
	if (!TS_RESP_CTX_set_signer_cert(responder, certificate(arguments[2]))
	    || !TS_RESP_CTX_set_signer_key(responder, key)
	    || !TS_RESP_CTX_set_certs(responder, chain)
	    || !TS_RESP_CTX_set_def_policy(responder, OBJ_txt2obj("1.2.3.4.1", 1))
	    || !TS_RESP_CTX_add_md(responder, EVP_sha256())
	    || !TS_RESP_CTX_set_signer_digest(responder, EVP_sha256())
	    || !TS_RESP_CTX_set_ess_cert_id_digest(responder, EVP_sha256())
	    || !TS_RESP_CTX_set_accuracy(responder, 1, 0, 0)
	    || !TS_RESP_CTX_set_clock_precision_digits(responder, 3))
		fail("the responder cannot be set up");

	while (fgets(line, sizeof line, stdin)) {
		long rounds = strtol(line, NULL, 10);
		int64_t start = processor_nanos();
		for (long round = 0; round < rounds; round++) {
			unsigned char *der = NULL;
			answer(responder, query, length, &der);
			OPENSSL_free(der);
		}
		if (rounds > 0) {
			printf("%" PRId64 "\n", processor_nanos() - start);
		} else {
			unsigned char *der = NULL;
			int size = answer(responder, query, length, &der);
			for (int at = 0; at < size; at++)
				printf("%02x", der[at]);
			printf("\n");
			OPENSSL_free(der);
		}
		fflush(stdout);
	}
	return 0;
}
