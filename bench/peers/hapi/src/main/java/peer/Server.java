package peer;

import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.narrative2.NullNarrativeGenerator;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.server.HardcodedServerAddressStrategy;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import java.io.File;
import java.nio.file.Files;
import org.apache.catalina.Context;
import org.apache.catalina.Wrapper;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/** HAPI FHIR's JPA server for R4 in an embedded Tomcat, on loopback: {@code Server PORT}. */
public class Server {

    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        AnnotationConfigApplicationContext beans = new AnnotationConfigApplicationContext();
        beans.setAllowCircularReferences(true);
        beans.register(Storage.class);
        beans.refresh();

        File folder = Files.createTempDirectory("peer-tomcat").toFile();
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(folder.getPath());
        Connector connector = new Connector();
        connector.setProperty("address", "127.0.0.1");
        connector.setPort(port);
        // FHIR's separator of system and code, which clients send as it is.
        connector.setProperty("relaxedQueryChars", "|");
        tomcat.setConnector(connector);
        Context context = tomcat.addContext("", folder.getPath());
        Wrapper servlet = Tomcat.addServlet(context, "fhir", fhir(beans, port));
        servlet.setLoadOnStartup(1);
        context.addServletMappingDecoded("/fhir/*", "fhir");
        tomcat.start();
        Runtime.getRuntime().addShutdownHook(new Thread(beans::close));
        tomcat.getServer().await();
    }

    private static RestfulServer fhir(AnnotationConfigApplicationContext beans, int port) {
        IFhirSystemDao<?, ?> system = beans.getBean(IFhirSystemDao.class);
        RestfulServer server = new RestfulServer(system.getContext());
        system.getContext().setNarrativeGenerator(new NullNarrativeGenerator());
        server.registerProviders(beans.getBean(ResourceProviderFactory.class).createProviders());
        server.registerProvider(beans.getBean(IJpaSystemProvider.class));
        server.setServerConformanceProvider(new JpaCapabilityStatementProvider(
                server, system, beans.getBean(JpaStorageSettings.class), beans.getBean(ISearchParamRegistry.class),
                beans.getBean(IValidationSupport.class)));
        server.setPagingProvider(beans.getBean(DatabaseBackedPagingProvider.class));
        server.setDefaultResponseEncoding(EncodingEnum.JSON);
        server.setDefaultPrettyPrint(false);
        server.setServerAddressStrategy(new HardcodedServerAddressStrategy("http://127.0.0.1:" + port + "/fhir"));
        return server;
    }
}
