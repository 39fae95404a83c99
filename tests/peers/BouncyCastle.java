// SPDX-License-Identifier: Apache-2.0 OR MIT
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Security;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.RSAKeyGenParameterSpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.DigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.tsp.TSPAlgorithms;
import org.bouncycastle.tsp.TimeStampRequest;
import org.bouncycastle.tsp.TimeStampResponse;
import org.bouncycastle.tsp.TimeStampResponseGenerator;
import org.bouncycastle.tsp.TimeStampToken;
import org.bouncycastle.tsp.TimeStampTokenGenerator;
import org.bouncycastle.util.Store;

/**
 * Bouncy Castle as a peer, through its own time-stamp classes.
 *
 * <p>{@code version}; {@code check}: reads lines of tab-separated name, query, response, PEM of roots, PEM of further
 * certificates (or {@code -}) and instant, and answers each with its name and {@code OK} or why not; {@code make DIR QUERY}:
 * an authority of each kind of key answers the query.
 */
public final class BouncyCastle {
    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        switch (arguments[0]) {
            case "version" -> System.out.println(new BouncyCastleProvider().getVersionStr());
            case "check" -> {
                BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    String[] fields = line.split("\t");
                    System.out.println(fields[0] + "\t" + check(fields));
                }
            }
            case "make" -> make(Path.of(arguments[1]), Path.of(arguments[2]));
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    static String check(String[] fields) {
        try {
            byte[] query = Files.readAllBytes(Path.of(fields[1]));
            byte[] response = Files.readAllBytes(Path.of(fields[2]));
            Collection<X509Certificate> further = fields[4].equals("-") ? List.of() : certificates(fields[4]);
            verify(query, response, certificates(fields[3]), further, Date.from(Instant.parse(fields[5])));
            return "OK";
        } catch (Exception | LinkageError reason) {
            Throwable root = reason;
            while (root.getCause() != null && root.getCause() != root) root = root.getCause();
            String kind = root.getClass().getSimpleName();
            // What is null is told in words that the Java machine makes up.
            if (root instanceof NullPointerException) return kind;
            return kind + ": " + String.valueOf(root.getMessage()).replaceAll("\\s+", " ");
        }
    }

    static Collection<X509Certificate> certificates(String file) throws Exception {
        List<X509Certificate> found = new ArrayList<>();
        for (Object one : CertificateFactory.getInstance("X.509", "BC")
                .generateCertificates(Files.newInputStream(Path.of(file)))) {
            found.add((X509Certificate) one);
        }
        return found;
    }

    static void verify(
            byte[] query,
            byte[] bytes,
            Collection<X509Certificate> roots,
            Collection<X509Certificate> further,
            Date at)
            throws Exception {
        TimeStampRequest request = new TimeStampRequest(query);
        TimeStampResponse response = new TimeStampResponse(bytes);
        response.validate(request);
        TimeStampToken token = response.getTimeStampToken();
        if (token == null) throw new IllegalStateException("no token: status " + response.getStatus());

        List<X509CertificateHolder> all = new ArrayList<>(token.getCertificates().getMatches(null));
        for (X509Certificate one : further) all.add(new X509CertificateHolder(one.getEncoded()));
        JcaX509CertificateConverter converter = new JcaX509CertificateConverter().setProvider("BC");
        List<X509CertificateHolder> signers = new ArrayList<>();
        for (X509CertificateHolder one : all) {
            if (token.getSID().match(one)) signers.add(one);
        }
        if (signers.isEmpty()) throw new IllegalStateException("the signer's certificate is missing");
        X509CertificateHolder signer = signers.get(0);
        token.validate(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(signer));

        List<X509Certificate> usable = new ArrayList<>();
        for (X509CertificateHolder one : all) usable.add(converter.getCertificate(one));
        Set<TrustAnchor> anchors = new HashSet<>();
        for (X509Certificate one : roots) anchors.add(new TrustAnchor(one, null));
        X509CertSelector target = new X509CertSelector();
        target.setCertificate(converter.getCertificate(signer));
        PKIXBuilderParameters parameters = new PKIXBuilderParameters(anchors, target);
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(usable), "BC"));
        parameters.setRevocationEnabled(false);
        parameters.setDate(at);
        CertPathBuilder.getInstance("PKIX", "BC").build(parameters);
    }

    /** A name, the key's algorithm and its parameters, the signature's algorithm, the digest of the ESSCertIDv2. */
    record Kind(String name, String key, AlgorithmParameterSpec size, String signature, ASN1ObjectIdentifier digest) {}

    static void make(Path folder, Path query) throws Exception {
        AlgorithmParameterSpec p256 = new ECGenParameterSpec("P-256");
        AlgorithmParameterSpec p384 = new ECGenParameterSpec("P-384");
        AlgorithmParameterSpec rsa = new RSAKeyGenParameterSpec(3072, RSAKeyGenParameterSpec.F4);
        ASN1ObjectIdentifier sha256 = NISTObjectIdentifiers.id_sha256;
        Kind[] kinds = {
            new Kind("p256", "EC", p256, "SHA256withECDSA", sha256),
            new Kind("p256-sha512", "EC", p256, "SHA512withECDSA", NISTObjectIdentifiers.id_sha512),
            new Kind("p384", "EC", p384, "SHA384withECDSA", NISTObjectIdentifiers.id_sha384),
            new Kind("p256-sha3", "EC", p256, "SHA3-256withECDSA", NISTObjectIdentifiers.id_sha3_256),
            new Kind("p384-sha3", "EC", p384, "SHA3-384withECDSA", NISTObjectIdentifiers.id_sha3_384),
            new Kind("rsa-sha256", "RSA", rsa, "SHA256withRSA", sha256),
            new Kind("rsa-sha384", "RSA", rsa, "SHA384withRSA", NISTObjectIdentifiers.id_sha3_256),
            new Kind("rsa-sha512", "RSA", rsa, "SHA512withRSA", NISTObjectIdentifiers.id_sha3_512),
            new Kind("rsa-sha3", "RSA", rsa, "SHA3-256withRSA", sha256),
            new Kind("rsa-pss-sha256", "RSA", rsa, "SHA256withRSAandMGF1", sha256),
            new Kind("rsa-pss-sha384", "RSA", rsa, "SHA384withRSAandMGF1", sha256),
            new Kind("rsa-pss-sha512", "RSA", rsa, "SHA512withRSAandMGF1", sha256),
            new Kind("rsa-pss-sha3", "RSA", rsa, "SHA3-256withRSAandMGF1", sha256),
            new Kind("ed25519", "Ed25519", null, "Ed25519", sha256),
            new Kind("ed448", "Ed448", null, "Ed448", sha256),
        };
        KeyPair rsaUnit = null;
        KeyPair rsaRoot = null;
        for (Kind kind : kinds) {
            KeyPairGenerator generator = KeyPairGenerator.getInstance(kind.key, "BC");
            if (kind.size != null) generator.initialize(kind.size);
            KeyPair unitKeys;
            KeyPair rootKeys;
            // Finding large primes takes most of the time; one pair of each is enough.
            if (kind.key.equals("RSA")) {
                if (rsaUnit == null) {
                    rsaUnit = generator.generateKeyPair();
                    rsaRoot = generator.generateKeyPair();
                }
                unitKeys = rsaUnit;
                rootKeys = rsaRoot;
            } else {
                unitKeys = generator.generateKeyPair();
                rootKeys = generator.generateKeyPair();
            }
            Date from = Date.from(Instant.now().minusSeconds(3600));
            Date to = Date.from(Instant.now().plusSeconds(86400));
            ContentSigner byRoot = new JcaContentSignerBuilder(kind.signature).setProvider("BC").build(rootKeys.getPrivate());
            X500Name rootName = new X500Name("C=FR,O=Test,CN=Root " + kind.name);
            X509CertificateHolder root = new JcaX509v3CertificateBuilder(
                            rootName, BigInteger.ONE, from, to, rootName, rootKeys.getPublic())
                    .addExtension(Extension.basicConstraints, true, new BasicConstraints(0))
                    .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign))
                    .build(byRoot);
            X500Name name = new X500Name("C=FR,O=Test,CN=TSU " + kind.name);
            X509CertificateHolder unit = new JcaX509v3CertificateBuilder(
                            rootName, BigInteger.TWO, from, to, name, unitKeys.getPublic())
                    .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
                    .addExtension(Extension.extendedKeyUsage, true, new ExtendedKeyUsage(KeyPurposeId.id_kp_timeStamping))
                    .build(byRoot);

            DigestCalculatorProvider digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
            ContentSigner signer = new JcaContentSignerBuilder(kind.signature).setProvider("BC").build(unitKeys.getPrivate());
            TimeStampTokenGenerator tokens = new TimeStampTokenGenerator(
                    new JcaSignerInfoGeneratorBuilder(digests).build(signer, unit),
                    digests.get(new AlgorithmIdentifier(kind.digest)),
                    new ASN1ObjectIdentifier("1.2.3.4.1"));
            tokens.setAccuracySeconds(1);
            Store<?> bag = new JcaCertStore(List.of(unit, root));
            tokens.addCertificates(bag);
            TimeStampResponseGenerator responses = new TimeStampResponseGenerator(tokens, TSPAlgorithms.ALLOWED);
            TimeStampResponse response = responses.generate(
                    new TimeStampRequest(Files.readAllBytes(query)), BigInteger.valueOf(42), new Date());
            if (response.getStatus() != 0) throw new IllegalStateException(response.getStatusString());
            Files.write(folder.resolve(kind.name + ".tsr"), response.getEncoded());
            StringWriter pem = new StringWriter();
            try (JcaPEMWriter writer = new JcaPEMWriter(pem)) {
                writer.writeObject(root);
            }
            Files.writeString(folder.resolve(kind.name + ".pem"), pem.toString());
        }
    }
}
